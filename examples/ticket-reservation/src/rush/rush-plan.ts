/**
 * Owns what a rush can be told, and the defaults. It never acts on any of it.
 */

export interface RushPlan {
  /** How many ask for a seat. */
  readonly requests: number;
  readonly seats: number;
  /** Worker processes. */
  readonly workers: number;
  /** Decisions at once, each worker process. */
  readonly concurrency: number;
  /** Requests to the web server at once. */
  readonly buyers: number;
  /** From one SIGKILL of a worker to the next, on average, in ms; undefined: none. */
  readonly killEveryMs: number | undefined;
  /** Share of the deliveries that SQS makes twice. */
  readonly duplicateShare: number;
  /** Share of the messages that are sent a second time, as by a relay that died at the wrong moment. */
  readonly resentShare: number;
  /** How long SQS waits for a worker that has died. */
  readonly visibilitySeconds: number;
  /** How long nothing may move while something is to be done, in ms. */
  readonly giveUpAfterMs: number;
  readonly seed: number;
  /** Workers without inbox and lock: the rush must fail. */
  readonly unguarded: boolean;
}

export const rushDefaults: RushPlan = {
  requests: 20_000,
  seats: 500,
  workers: 4,
  concurrency: 10,
  buyers: 32,
  killEveryMs: undefined,
  duplicateShare: 0.05,
  resentShare: 0.02,
  visibilitySeconds: 5,
  giveUpAfterMs: 60_000,
  seed: 1,
  unguarded: false,
};

/** With `--kill`. */
export const killEveryMs = 2_000;
