/**
 * Owns case 7: what a send costs. It never receives anything.
 */
import type { PeerName } from "../peers/catalogue.ts";
import type { Case } from "./case.ts";
import { measured } from "./figures.ts";

/** Messages in the air at once, whether in calls of one or of ten. */
const slots = 100;
const sends = 50_000;
/** One by one through the SDK: as much time as the others, a fifth of the messages. */
const sendsOneByOne = 10_000;

const peers: readonly PeerName[] = [
  "producer",
  "producer-sdk",
  "sqs-producer",
  "sdk-sends",
  "undici-sends",
];

export const producer: Case = {
  title: "Producer",
  how: "50,000 sends of 200 bytes after a tenth as many to warm up, 100 messages in the air at once; one by one through the SDK 10,000 are measured.",
  metrics: ["cpuUs", "requests", "rate", "peakRssMb"],
  jobs: ({ quick, hurry }) =>
    peers.map((peer) => {
      const all = peer === "sdk-sends" ? sendsOneByOne : sends;
      const messages = Math.round(all / (quick ? 5 : 1) / hurry);
      return {
        peers: [peer],
        seconds: 0.5 + (quick ? 2 : peer === "producer" || peer === "undici-sends" ? 3 : 6),
        run: async (bench) => {
          const observations = await bench.observe({
            peer,
            slots,
            queue: { messages: "none" },
            warmUp: { messages: Math.ceil(messages / 10) },
            measure: { messages },
          });
          return observations.map((observation) => measured(peer, observation));
        },
      };
    }),
};
