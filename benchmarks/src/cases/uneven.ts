/**
 * Owns case 2: what one slow message in twenty does to the others. It never computes anything.
 */
import type { PeerName } from "../peers/catalogue.ts";
import type { UnevenSpec } from "../work/uneven.ts";
import type { Case } from "./case.ts";
import { figuresOf, measured } from "./figures.ts";

const slots = 50;
const work: UnevenSpec = { kind: "uneven", shortMs: 20, longMs: 1_000, every: 20 };
const meanMs = (work.shortMs * (work.every - 1) + work.longMs) / work.every;
/** Messages a second, if no slot were ever idle. */
const ideal = (slots * 1_000) / meanMs;

const peers: readonly PeerName[] = [
  "millrace",
  "millrace-sdk",
  "sqs-consumer",
  "sqs-consumer-single",
  "squiss-ts",
  "sdk-loop",
  "undici-loop",
];

export const uneven: Case = {
  title: "Uneven handlers",
  how: `A queue that never ends, 50 handlers at once; a message takes 20 ms, every twentieth 1 s. If no handler slot were ever idle, that would be 50 / 69 ms = ${Math.floor(ideal)} messages a second.`,
  metrics: ["share", "rate", "requests", "cpuUs"],
  jobs: ({ quick, hurry }) => {
    // Long messages start at once at first: it takes some rounds of them until they are spread over time. The window
    // is a whole number of them.
    const warmUp = { ms: ((quick ? 1.5 : 3) * work.longMs) / hurry };
    const measure = { ms: ((quick ? 2 : 5) * work.longMs) / hurry };
    return peers.map((peer) => ({
      peers: [peer],
      seconds: 0.5 + (warmUp.ms + measure.ms) / 1_000,
      run: async (bench) => {
        const observations = await bench.observe({ peer, slots, work, warmUp, measure });
        return observations.map((observation) => {
          const { rate = Number.NaN } = figuresOf(observation);
          return measured(peer, observation, { share: (100 * rate) / ideal });
        });
      },
    }));
  },
};
