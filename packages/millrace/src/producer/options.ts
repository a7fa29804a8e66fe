/**
 * Owns what a producer and a send can be told, and the defaults. It never acts on any of it.
 */
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { OptionError } from "../errors.ts";
import {
  checkOptionNames,
  requireClock,
  requireFunction,
  requireSqs,
  requireNumber,
} from "../option-checks.ts";
import type { BackoffShape, Random } from "../random.ts";
import { systemRandom } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { maxBatchEntries } from "../sqs/limits.ts";

/** Options of a {@link Producer}. */
export interface ProducerOptions {
  /**
   * The queue's URL, ARN or name. An ARN and a name are looked up with one GetQueueUrl, before the first
   * batch.
   */
  readonly queue: string;
  /**
   * How SQS is reached. Default: an `HttpSqs` of the producer's own, which it closes when it is closed. One
   * that is given here is left open. A call of it is given up after 60 seconds, its own retries included, also
   * when its own deadline is longer.
   */
  readonly sqs?: SqsApi | undefined;
  readonly batch?: ProducerBatchOptions | undefined;
  readonly retry?: ProducerRetryOptions | undefined;
  /**
   * How many sends may be under way: in a batch, waiting for one, or waiting to be tried again. Further
   * sends wait for room, in order. Default 10,000. It bounds what is put into requests, not what callers
   * hold: who calls `send` in a loop without awaiting it piles up messages in its own promises.
   */
  readonly maxPending?: number | undefined;
  /**
   * How many SendMessageBatch requests may be open at once. Default 8. With 1, throughput is ten messages
   * a round trip.
   */
  readonly maxInFlight?: number | undefined;
  /**
   * Whether the queue is FIFO and deduplicates by content. Then no deduplication id is made up for a
   * message that comes without one, since it would stand in the way. Default false: each send gets an id of
   * its own, which makes its retries safe. Standard queues ignore it.
   */
  readonly contentBasedDeduplication?: boolean | undefined;
  /**
   * Whether a message that is sent without an `idempotencyKey` is stamped with one of its own, which takes one
   * of its ten attributes and some 50 bytes. Default true. Where that would be one attribute or byte more than
   * SQS takes, the message goes without. Switch it off for a queue whose maximum message size is lower than
   * SQS's and which is used to the full.
   */
  readonly idempotencyKeys?: boolean | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the runtime's random numbers. */
  readonly random?: Random | undefined;
}

/** How sends are gathered into batches. */
export interface ProducerBatchOptions {
  /** Messages in a batch, 1 to 10. Default 10. A batch also ends at SQS's 1 MiB. */
  readonly maxSize?: number | undefined;
  /**
   * How long a message waits for others to share its request, in ms. Default 5. With 0 only sends of the
   * same turn of the event loop share one. It adds to the latency of a lone send, and never to that of one
   * that fills a batch.
   */
  readonly maxWaitMs?: number | undefined;
  /**
   * How many messages of one FIFO group may share a batch, 1 to 10. Default 1, which keeps the order of a
   * group whatever happens. With more, a busy group needs fewer requests, at a price: when SQS fails one
   * entry of a batch and takes a later one of the same group, the failed one is tried again and ends up
   * behind it. Standard queues ignore it.
   */
  readonly maxPerGroup?: number | undefined;
}

/** How failures that may pass are met: faults of SQS or the network, and throttling. */
export interface ProducerRetryOptions {
  /** Ceiling of the first backoff, in ms; it doubles with each attempt. Default 100. */
  readonly baseMs?: number | undefined;
  /** Ceiling of every backoff, in ms. Default 5,000. */
  readonly maxMs?: number | undefined;
  /**
   * How long a send is tried, in ms from the call, before it rejects, whether its turn came or not. Default
   * 60,000. An attempt that has begun by then is waited for. Must be above `batch.maxWaitMs`.
   */
  readonly giveUpAfterMs?: number | undefined;
}

/** A message attribute's value: sent as String, Number, Number and Binary. */
export type SendAttribute = string | number | bigint | Uint8Array;

/** Options of one send. */
export interface SendOptions {
  /** How long the message stays invisible, 0 to 900. Default: the queue's own. Not on FIFO queues. */
  readonly delaySeconds?: number | undefined;
  /**
   * On a FIFO queue, which requires it, the group whose order is kept. On a standard queue the tenant for fair
   * delivery, which says nothing about order. 1 to 128 letters, digits and signs.
   */
  readonly groupId?: string | undefined;
  /**
   * FIFO queues only: a second message with the same id within five minutes is taken for the same. Default:
   * one of its own for each call of `send`, kept through its retries.
   */
  readonly deduplicationId?: string | undefined;
  /**
   * Says what this message stands for: two with the same key are one to those who look, as the inbox of
   * "millrace/postgres" does, whoever sent them and however much later. It travels as a message attribute,
   * through dead-letter queues and back, and is `message.idempotencyKey` to a consumer. On a FIFO queue it is
   * also the deduplication id, unless one is given. 1 to 128 letters, digits and signs of ASCII. Default: one
   * of its own for each call of `send`, kept through its retries.
   */
  readonly idempotencyKey?: string | undefined;
  /** At most ten, the idempotency key included. They count towards the message's 1 MiB. */
  readonly attributes?: Readonly<Record<string, SendAttribute>> | undefined;
  /**
   * Withdraws the message as long as it is in no request: `send` rejects with the signal's reason, and it was
   * not sent. Once it is in a request `send` rejects just the same, but the message may have been sent.
   */
  readonly signal?: AbortSignal | undefined;
}

/** A producer's options, checked, with the defaults filled in. */
export interface ProducerSettings {
  readonly maxSize: number;
  readonly maxWaitMs: number;
  readonly maxPerGroup: number;
  readonly maxPending: number;
  readonly maxInFlight: number;
  readonly backoff: BackoffShape;
  readonly giveUpAfterMs: number;
  readonly contentBasedDeduplication: boolean;
  readonly idempotencyKeys: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

const day = 86_400_000;

const known: ReadonlySet<string> = new Set<keyof ProducerOptions>([
  "queue",
  "sqs",
  "batch",
  "retry",
  "maxPending",
  "maxInFlight",
  "contentBasedDeduplication",
  "idempotencyKeys",
  "clock",
  "random",
]);

const knownOfBatch: ReadonlySet<string> = new Set<keyof ProducerBatchOptions>([
  "maxSize",
  "maxWaitMs",
  "maxPerGroup",
]);

const knownOfRetry: ReadonlySet<string> = new Set<keyof ProducerRetryOptions>([
  "baseMs",
  "maxMs",
  "giveUpAfterMs",
]);

/** @throws OptionError for the first option that cannot work, with the value that was received. */
export function readOptions(options: ProducerOptions): ProducerSettings {
  checkOptionNames(options, known);
  const { batch = {}, retry = {}, sqs, maxPending = 10_000, maxInFlight = 8 } = options;
  const { contentBasedDeduplication = false, idempotencyKeys = true } = options;
  const { clock = systemClock, random = systemRandom } = options;
  checkOptionNames(batch, knownOfBatch, "batch");
  checkOptionNames(retry, knownOfRetry, "retry");
  const { maxSize = maxBatchEntries, maxWaitMs = 5, maxPerGroup = 1 } = batch;
  const { baseMs = 100, maxMs = 5_000, giveUpAfterMs = 60_000 } = retry;

  if (sqs !== undefined) requireSqs(sqs);
  requireNumber("batch.maxSize", maxSize, { min: 1, max: maxBatchEntries, whole: true });
  requireNumber("batch.maxWaitMs", maxWaitMs, { min: 0, max: day });
  requireNumber("batch.maxPerGroup", maxPerGroup, { min: 1, max: maxBatchEntries, whole: true });
  requireNumber("retry.baseMs", baseMs, { min: 1, max: day });
  requireNumber("retry.maxMs", maxMs, { min: baseMs, max: day });
  requireNumber("retry.giveUpAfterMs", giveUpAfterMs, { min: maxWaitMs + 1, max: 14 * day });
  const unbounded = Number.MAX_SAFE_INTEGER;
  requireNumber("maxPending", maxPending, { min: 1, max: unbounded, whole: true });
  requireNumber("maxInFlight", maxInFlight, { min: 1, max: 1_000, whole: true });
  if (typeof contentBasedDeduplication !== "boolean") {
    throw new OptionError("contentBasedDeduplication", "true or false", contentBasedDeduplication);
  }
  if (typeof idempotencyKeys !== "boolean") {
    throw new OptionError("idempotencyKeys", "true or false", idempotencyKeys);
  }
  requireClock(clock);
  requireFunction("random", random);
  return {
    maxSize,
    maxWaitMs,
    maxPerGroup,
    maxPending,
    maxInFlight,
    backoff: { baseMs, maxMs },
    giveUpAfterMs,
    contentBasedDeduplication,
    idempotencyKeys,
    clock,
    random,
  };
}
