/**
 * Owns case 4: a row a message, in Postgres. It never reads one.
 */
import type { Task } from "../bench.ts";
import type { PeerName } from "../peers/catalogue.ts";
import type { Case } from "./case.ts";
import { figuresOf, measured } from "./figures.ts";

/** As many as node-postgres's pool has by default. */
const connections = 10;

/** Every peer has ten handlers at once, and so ten statements. */
const tasks: readonly (Pick<Task, "loops" | "batchSize"> & { readonly peer: PeerName })[] = [
  { peer: "millrace" },
  { peer: "millrace-sdk" },
  { peer: "millrace-batch", batchSize: 100 },
  { peer: "sqs-consumer", loops: 1 },
  { peer: "sqs-consumer-batch", loops: connections },
  { peer: "squiss-ts" },
  { peer: "sdk-loop", loops: 1 },
  { peer: "undici-loop", loops: 1 },
  { peer: "pool-loop" },
];

export const database: Case = {
  title: "Database handler",
  how: "A local Postgres, durable, on the same machine; a pool of ten connections and ten handlers at once. `handle` inserts one row a message, in a statement of its own; batches insert all of theirs in one: up to 100 with millrace, ten with sqs-consumer, which has ten consumers for it. The bare loops over the SDK and over undici receive ten, insert them all at once, and delete them. The bare loop of inserts has no queue, and so the CPU time that the endpoint and the queue's client take from Postgres in the others: it is what the database can do.",
  metrics: ["rows", "requests", "cpuUs", "peakRssMb"],
  jobs: ({ quick, hurry }) => {
    const warmUp = { ms: (quick ? 500 : 1_000) / hurry };
    const measure = { ms: (quick ? 1_000 : 3_000) / hurry };
    return tasks.map((task) => ({
      peers: [task.peer],
      seconds: 1 + (warmUp.ms + measure.ms) / 1_000,
      run: async (bench) => {
        const url = await bench.database.emptied();
        const work = { kind: "insert", url, connections } as const;
        const slots = connections;
        const observations = await bench.observe({ ...task, slots, work, warmUp, measure });
        return observations.map((observation) => {
          const { rate = Number.NaN } = figuresOf(observation);
          return measured(task.peer, observation, { rows: rate });
        });
      },
    }));
  },
};
