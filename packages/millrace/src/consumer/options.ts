/**
 * Owns a consumer's options: their meaning, their defaults, and the check that they can work. It never
 * uses one.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { OptionError } from "../errors.ts";
import { checkOptionNames, hasMethods, requireFunction, requireSqs } from "../option-checks.ts";
import type { Random } from "../random.ts";
import { systemRandom } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { maxInFlight, maxVisibilitySeconds, maxWaitSeconds } from "../sqs/limits.ts";
import { parseQueue } from "../sqs/queue-address.ts";
import type { ReadBody } from "./body.ts";
import { readerFor } from "./body.ts";
import type { BatchHandler, Handler } from "./handler-call.ts";
import { lifecycleOf } from "./handler-lifecycle.ts";
import type { HandlerLifecycle } from "./handler-lifecycle.ts";
import { traitsOf } from "./handler-traits.ts";
import type { HandlerTraits } from "./handler-traits.ts";
import type { Limit } from "./limit.ts";
import type { Logger } from "./logger.ts";
import { contained, defaultLogger } from "./logger.ts";
import type { Message } from "./message.ts";
import type { OrderBy } from "./order-by.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import { exponentialBackoff } from "./retry-policy.ts";

/** How deliveries are gathered for `handleBatch`. */
export interface ConsumerBatchOptions {
  /** Messages in a batch, at most, 1 to 10,000. Default 10. More than ten come from several receives. */
  readonly maxSize?: number | undefined;
  /**
   * How long the first of a batch waits for others, in ms, 0 to 60,000. Default 50. With 0 a batch is what
   * happens to be in hand; a long wait delays messages while few come.
   */
  readonly maxWaitMs?: number | undefined;
}

/** Options of a consumer: one of `handle` and `handleBatch`, and what they have in common. */
export type ConsumerOptions<Body> = CommonOptions<Body> &
  (SingleOptions<Body> | BatchOptions<Body>);

interface SingleOptions<Body> {
  /** Resolves: the message is deleted. Throws: it is retried. Returns an outcome: that is carried out. */
  readonly handle: Handler<Body>;
  readonly handleBatch?: undefined;
  readonly batch?: undefined;
}

interface BatchOptions<Body> {
  /**
   * Takes many messages at once, and may return one outcome a message; a throw retries all. Its signal
   * also aborts when the lease of one of them is lost.
   */
  readonly handleBatch: BatchHandler<Body>;
  readonly batch?: ConsumerBatchOptions | undefined;
  readonly handle?: undefined;
}

interface CommonOptions<Body> {
  /** The queue's URL, ARN or name. On a FIFO queue, one whose name ends in `.fifo`, order is kept within each message group. */
  readonly queue: string;
  /**
   * Handlers at once, each with a message or a batch of them, 1 to 10,000. Default 10, or as many as the handler says
   * that it can run: `maxConcurrency`, which `inThreads` sets. What is above that waits within the handler, with
   * its `handlerTimeoutMs` running.
   */
  readonly concurrency?: number | undefined;
  /**
   * Deliveries in hand beyond what handlers can take at once, `concurrency` or `concurrency` × `batch.maxSize`:
   * waiting for a worker or their turn, or being settled. 0 to 110,000. Default 10, or a batch if that is
   * more; on FIFO queues 9 for each worker, up to 90, since a poll may well bring ten messages of one
   * group, of which one at a time can be handled. With 0 workers idle while the next poll is under way, and below 10 polls often ask for less
   * than ten, which costs requests; with many, messages wait here that another process could have taken.
   * Handlers of a few ms need more than the default, or they wait for SQS: as many as they finish while a
   * delete and a poll are under way, which is some 20 ms.
   */
  readonly prefetch?: number | undefined;
  /** How long a poll waits for messages, in seconds, 0 to 20. Default 20. Below it, idle polls cost more requests. */
  readonly waitTimeSeconds?: number | undefined;
  /**
   * How long SQS keeps a delivery from others without hearing of it, in seconds, 1 to 43,200. Default:
   * the queue's own. Leases are extended from half of it on; a short one costs requests and leaves
   * little time to do so, a long one delays the messages of a process that died.
   */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /**
   * How long a handler may run before its signal aborts, in ms, 1 to 43,200,000. Default: for ever. It has five more
   * seconds then: one that resolves in them has done its work, and what it resolved with is carried out; when it throws,
   * or has not ended by then, the message is retried. One that has not ended is left behind, and runs beside the next
   * handler of its message. A short one fails what is merely slow; without one, a handler that hangs holds its
   * worker until the twelve hours of SQS are over.
   */
  readonly handlerTimeoutMs?: number | undefined;
  /**
   * When a failed message comes again. Default: `exponentialBackoff()`. On a FIFO queue the rest of its
   * group waits for it.
   */
  readonly retry?: RetryPolicy | undefined;
  /**
   * The key of the lane that a message belongs to: messages with one key are handled one at a time, in the
   * order received. When one fails, those behind it that are in hand go back to the queue unhandled. It
   * holds in one process: two consumers of a standard queue know nothing of each other. Default: the
   * message group on a FIFO queue, no order on a standard one, where a group names a tenant and no order.
   *
   * With a schema that answers with a promise, what was received later waits for it, ten seconds at most;
   * so it is with `handleBatch`.
   */
  readonly orderBy?: OrderBy<Body> | undefined;
  /**
   * Any Standard Schema: the body is parsed as JSON and validated, and `message.body` is its output.
   * Bodies that it refuses are dead-lettered where the queue has a dead-letter queue, else retried.
   */
  readonly schema?: StandardSchemaV1<unknown, Body> | undefined;
  /** Asked before each poll how many deliveries may be taken now. Default: none. */
  readonly limits?: readonly Limit[] | undefined;
  /** How SQS is reached. Default: `new HttpSqs()`, which the consumer then also closes. */
  readonly sqs?: SqsApi | undefined;
  /** Default: silent, but for errors, which become warnings of the process. */
  readonly logger?: Logger | undefined;
  /** Time, for tests and simulations. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Chance, for tests and simulations. Default: the runtime's. */
  readonly random?: Random | undefined;
}

/** What the workers do. */
type ConsumerWork<Body> =
  | { readonly handle: Handler<Body>; readonly maxSize: 1 }
  | {
      readonly handleBatch: BatchHandler<Body>;
      readonly maxSize: number;
      readonly maxWaitMs: number;
    };

/** The options, checked, with their defaults. */
export interface ConsumerSettings<Body> {
  readonly queue: string;
  readonly work: ConsumerWork<Body>;
  /** Of the handler, if it has one. */
  readonly lifecycle: HandlerLifecycle | undefined;
  readonly traits: HandlerTraits;
  readonly read: ReadBody<Body>;
  /** Whether the queue is a FIFO one. */
  readonly fifo: boolean;
  readonly orderBy: OrderBy<Body> | undefined;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly waitTimeSeconds: number;
  readonly visibilityTimeoutSeconds: number | undefined;
  readonly handlerTimeoutMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly fallbackRetry: RetryPolicy;
  readonly limits: readonly Limit[];
  readonly sqs: SqsApi | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

const maxConcurrency = 10_000;
/** With it and the highest concurrency a consumer holds as many as SQS keeps in flight. */
const maxPrefetch = maxInFlight - maxConcurrency;
const maxBatchWaitMs = 60_000;

const defaults = {
  concurrency: 10,
  prefetch: (fifo: boolean, concurrency: number, maxSize: number) =>
    Math.max(fifo ? Math.min(9 * concurrency, 90) : 10, maxSize),
  batch: { maxSize: 10, maxWaitMs: 50 },
  waitTimeSeconds: maxWaitSeconds,
};

const known: ReadonlySet<string> = new Set<
  keyof CommonOptions<unknown> | keyof BatchOptions<unknown>
>([
  "queue",
  "handle",
  "handleBatch",
  "batch",
  "concurrency",
  "prefetch",
  "waitTimeSeconds",
  "visibilityTimeoutSeconds",
  "handlerTimeoutMs",
  "retry",
  "orderBy",
  "schema",
  "limits",
  "sqs",
  "logger",
  "clock",
  "random",
]);

const knownOfBatch: ReadonlySet<string> = new Set(Object.keys(defaults.batch));

/** @throws OptionError for the first option that cannot work, with the value that was received. */
export function readOptions<Body>(options: ConsumerOptions<Body>): ConsumerSettings<Body> {
  checkOptionNames(options, known);
  const { queue, schema, limits = [], sqs, logger = defaultLogger } = options;
  const { fifo } = parseQueue(queue);
  const random = func("random", options.random) ?? systemRandom;
  const work = workOf(options);
  const traits =
    "handle" in work ? traitsOf("handle", work.handle) : traitsOf("handleBatch", work.handleBatch);
  const concurrency =
    whole("concurrency", options.concurrency, 1, maxConcurrency) ??
    Math.min(traits.maxConcurrency ?? defaults.concurrency, maxConcurrency);
  const prefetch =
    whole("prefetch", options.prefetch, 0, maxPrefetch) ??
    defaults.prefetch(fifo, concurrency, work.maxSize);
  if (concurrency * work.maxSize + prefetch > maxInFlight) {
    const expected = `such that concurrency × maxSize + prefetch is at most ${maxInFlight}, as SQS has it`;
    throw new OptionError("batch.maxSize", expected, work.maxSize);
  }
  if (!Array.isArray(limits)) throw new OptionError("limits", "an array", limits);
  for (const [index, limit] of limits.entries()) requireFunction(`limits[${index}]`, limit);
  if (sqs !== undefined) requireSqs(sqs);
  if (!hasMethods(logger, ["debug", "info", "warn", "error"])) {
    throw new OptionError("logger", "an object with debug, info, warn and error", logger);
  }
  const { clock = systemClock } = options;
  if (!hasMethods(clock, ["now", "monotonicMs", "setTimer"])) {
    throw new OptionError("clock", "a Clock", clock);
  }
  return {
    queue,
    work,
    lifecycle: lifecycleOf("handle" in work ? work.handle : work.handleBatch),
    traits,
    read: reader(schema),
    fifo,
    orderBy: func("orderBy", options.orderBy),
    concurrency,
    prefetch,
    waitTimeSeconds:
      whole("waitTimeSeconds", options.waitTimeSeconds, 0, maxWaitSeconds) ??
      defaults.waitTimeSeconds,
    visibilityTimeoutSeconds: whole(
      "visibilityTimeoutSeconds",
      options.visibilityTimeoutSeconds,
      1,
      maxVisibilitySeconds,
    ),
    handlerTimeoutMs: whole(
      "handlerTimeoutMs",
      options.handlerTimeoutMs,
      1,
      maxVisibilitySeconds * 1_000,
    ),
    retry: func("retry", options.retry) ?? exponentialBackoff({ random }),
    fallbackRetry: exponentialBackoff({ random }),
    limits: [...limits],
    sqs,
    logger: contained(logger),
    clock,
    random,
  };
}

function workOf<Body>(options: ConsumerOptions<Body>): ConsumerWork<Body> {
  const { handle, handleBatch, batch } = options;
  if (handleBatch === undefined) {
    if (typeof handle !== "function") throw new OptionError("handle", "a function", handle);
    if (batch !== undefined) {
      throw new OptionError("batch", "left out: it belongs to handleBatch", batch);
    }
    return { handle, maxSize: 1 };
  }
  if (typeof handleBatch !== "function") {
    throw new OptionError("handleBatch", "a function", handleBatch);
  }
  if (handle !== undefined) {
    throw new OptionError("handle", "left out where there is a handleBatch", handle);
  }
  const { maxSize, maxWaitMs } = batchOf(batch);
  return { handleBatch, maxSize, maxWaitMs };
}

function batchOf(batch: ConsumerBatchOptions | undefined): typeof defaults.batch {
  if (batch === undefined) return defaults.batch;
  checkOptionNames(batch, knownOfBatch, "batch");
  return {
    maxSize: whole("batch.maxSize", batch.maxSize, 1, maxConcurrency) ?? defaults.batch.maxSize,
    maxWaitMs:
      whole("batch.maxWaitMs", batch.maxWaitMs, 0, maxBatchWaitMs) ?? defaults.batch.maxWaitMs,
  };
}

function reader<Body>(schema: StandardSchemaV1<unknown, Body> | undefined): ReadBody<Body> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without a schema Body is string, which is what the message has: the constructor's type sees to it
  if (schema === undefined) return (message) => message as Message<Body>;
  const standard: unknown = (schema as { "~standard"?: unknown } | null)?.["~standard"];
  if (!hasMethods(standard, ["validate"])) {
    throw new OptionError("schema", "a Standard Schema (zod, valibot, arktype, …)", schema);
  }
  return readerFor(schema);
}

function whole(
  name: string,
  value: number | undefined,
  min: number,
  max: number,
): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new OptionError(name, `a whole number from ${min} to ${max}`, value);
}

function func<F>(name: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === "function") return value;
  throw new OptionError(name, "a function", value);
}
