/**
 * Owns what a soak is to be: how much, how long, how bad. It never runs one.
 */
import type { Plant } from "./consumer-job.ts";

export interface SoakPlan {
  /** How many are sent in all. */
  readonly messages: number;
  /**
   * How many of them are sent when all is over and only the consumer is left that has lived through all of it:
   * it must still work.
   */
  readonly finale: number;
  /** How long there are faults, in ms; but for the finale, the messages are sent evenly over nine tenths of it. */
  readonly chaosMs: number;
  /** Of every chance but the order in which the system's scheduler does things. */
  readonly seed: number;
  readonly fifo: boolean;
  /** Message groups, on a FIFO queue. With few, many of a group are in hand at once, and wait for each other. */
  readonly lanes: number;
  /** Share of the requests that each kind of fault befalls. */
  readonly faultRate: number;
  /** From one kill of a consumer, always the same of the two, to the next, in ms, on average. */
  readonly killEveryMs: number;
  /** Every so many-th of them is asked to end by SIGTERM instead, and must end cleanly in spite of the faults. */
  readonly retireEvery: number;
  readonly postgresRestarts: number;
  readonly concurrency: number;
  readonly visibilityTimeoutSeconds: number;
  readonly workMs: number;
  readonly slowShare: number;
  readonly failShare: number;
  /** How long it may take, once there are no more faults, until the queue is empty, in ms. */
  readonly drainWithinMs: number;
  /** How long a consumer may take to end after SIGTERM, in ms. */
  readonly stopWithinMs: number;
  readonly plant: Plant | undefined;
}

export const soakDefaults: SoakPlan = {
  messages: 20_000,
  finale: 200,
  chaosMs: 5 * 60_000,
  seed: 1,
  fifo: false,
  lanes: 50,
  faultRate: 0.01,
  killEveryMs: 5_000,
  retireEvery: 3,
  postgresRestarts: 2,
  concurrency: 10,
  visibilityTimeoutSeconds: 5,
  workMs: 30,
  slowShare: 0.002,
  failShare: 0.02,
  drainWithinMs: 120_000,
  // The handlers' deadline, and what a stop may take after it.
  stopWithinMs: 25_000,
  plant: undefined,
};
