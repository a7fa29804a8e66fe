/**
 * Owns case 1: what a message costs when nothing is done with it. It never waits for anything but SQS.
 */
import type { PeerName } from "../peers/catalogue.ts";
import type { Case } from "./case.ts";
import { measured } from "./figures.ts";

const peers: readonly PeerName[] = [
  "millrace",
  "millrace-sdk",
  "sqs-consumer",
  "sqs-consumer-batch",
  "squiss-ts",
  "sdk-loop",
  "undici-loop",
];

export const backlog: Case = {
  title: "No-op handler, deep backlog",
  how: "A queue that never ends, a handler that returns at once, 50 handlers at once (five consumers or loops of ten where a peer takes ten at a time).",
  metrics: ["cpuUs", "requests", "rate", "peakRssMb"],
  jobs: ({ quick, hurry }) => {
    const warmUp = { cpuMs: (quick ? 700 : 1_500) / hurry };
    const measure = { cpuMs: (quick ? 1_000 : 4_000) / hurry };
    return peers.map((peer) => ({
      peers: [peer],
      seconds: 0.5 + (warmUp.cpuMs + measure.cpuMs) / 1_000,
      run: async (bench) => {
        const observations = await bench.observe({ peer, warmUp, measure });
        return observations.map((observation) => measured(peer, observation));
      },
    }));
  },
};
