/**
 * Owns what a soak tells its consumer processes, and what they tell it. It holds no code of either side.
 */
import { typeOf } from "./typed-message.ts";

/** What is wrong with a consumer on purpose, to see that a soak finds it. */
export const plants = ["acknowledge-before-write"] as const;

export type Plant = (typeof plants)[number];

/** The one message to a consumer process. */
export interface ConsumerJob {
  readonly type: "job";
  /** Its name in the ledger. */
  readonly name: string;
  readonly seed: number;
  readonly queueUrl: string;
  /** The proxy's. */
  readonly endpoint: string;
  readonly databaseUrl: string;
  readonly concurrency: number;
  readonly visibilityTimeoutSeconds: number;
  /** How long a handler takes, in ms, on average. */
  readonly workMs: number;
  /** Share of the handlers that take half as long again as the visibility timeout. */
  readonly slowShare: number;
  /** Share of the handlers that throw before they write, and of the others that throw after. */
  readonly failShare: number;
  readonly plant?: Plant | undefined;
}

/** The last message of a consumer process: the figures of its life. */
export interface ConsumerFigures {
  readonly type: "stopped";
  readonly received: number;
  readonly acknowledged: number;
  readonly retried: number;
  readonly leasesLost: number;
  readonly settlementsFailed: number;
  readonly pollsFailed: number;
}

export function isConsumerJob(message: unknown): message is ConsumerJob {
  return typeOf(message) === "job";
}

export function isConsumerFigures(message: unknown): message is ConsumerFigures {
  return typeOf(message) === "stopped";
}
