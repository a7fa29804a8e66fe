/**
 * Owns what a relay can be told, and the defaults. It never acts on any of it.
 */
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../consumer/logger.ts";
import { contained, defaultLogger } from "../consumer/logger.ts";
import {
  checkOptionNames,
  requireClock,
  requireFunction,
  requireMethods,
  requireSqs,
  requireNumber,
} from "../option-checks.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { defaultOutboxTable } from "./schema.ts";
import { readTableName } from "./table-name.ts";
import type { TableName } from "./table-name.ts";

/** Options of an `OutboxRelay`. */
export interface OutboxRelayOptions {
  /** How SQS is reached. Default: an `HttpSqs` of the relay's own. One that is given here is left open. */
  readonly sqs?: SqsApi | undefined;
  /** The table, `name` or `schema.name`; `migrate` creates it. Default `millrace_outbox`. */
  readonly table?: string | undefined;
  /**
   * Messages a transaction, of standard and of FIFO queues each, 1 to 10,000. Default 100. They are in memory
   * together, and their transaction is open while they are sent.
   */
  readonly batchSize?: number | undefined;
  /**
   * How often it looks without having been told of a message, in ms, 10 to 3,600,000. Default 1,000. It is what
   * a message waits at most whose notification is lost, and how soon one whose send failed is seen to be due.
   */
  readonly pollIntervalMs?: number | undefined;
  /**
   * How long a send is tried within its transaction, in ms, 10 to 3,600,000. Default 10,000. After that the
   * message stays in the outbox and is due again later, after up to a minute. The messages that were taken
   * together with it wait for that: a queue that gives no answer holds up the others for so long at a time.
   */
  readonly sendTimeoutMs?: number | undefined;
  /** Default: silent, but for errors, which become warnings of the process. */
  readonly logger?: Logger | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the runtime's random numbers. */
  readonly random?: Random | undefined;
}

/** A relay's options, checked, with the defaults filled in. */
export interface OutboxRelaySettings {
  readonly sqs: SqsApi | undefined;
  readonly table: TableName;
  readonly batchSize: number;
  readonly pollIntervalMs: number;
  readonly sendTimeoutMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

const hourMs = 3_600_000;

const known: ReadonlySet<string> = new Set<keyof OutboxRelayOptions>([
  "sqs",
  "table",
  "batchSize",
  "pollIntervalMs",
  "sendTimeoutMs",
  "logger",
  "clock",
  "random",
]);

/** @throws OptionError for what cannot work. */
export function readRelayOptions(options: OutboxRelayOptions): OutboxRelaySettings {
  checkOptionNames(options, known);
  const { sqs, logger = defaultLogger, clock = systemClock, random = systemRandom } = options;
  const { batchSize = 100, pollIntervalMs = 1_000, sendTimeoutMs = 10_000 } = options;
  if (sqs !== undefined) requireSqs(sqs);
  const table = readTableName("table", options.table ?? defaultOutboxTable);
  requireNumber("batchSize", batchSize, { min: 1, max: 10_000, whole: true });
  requireNumber("pollIntervalMs", pollIntervalMs, { min: 10, max: hourMs, whole: true });
  requireNumber("sendTimeoutMs", sendTimeoutMs, { min: 10, max: hourMs, whole: true });
  const levels = ["debug", "info", "warn", "error"];
  requireMethods("logger", logger, levels, "an object with debug, info, warn and error");
  requireClock(clock);
  requireFunction("random", random);
  return {
    sqs,
    table,
    batchSize,
    pollIntervalMs,
    sendTimeoutMs,
    logger: contained(logger),
    clock,
    random,
  };
}
