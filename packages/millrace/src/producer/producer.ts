/**
 * Owns the producer as its users meet it: its options, its life from construction to close, its figures. It
 * never batches or retries; that is the outbox's.
 */
import type { WaitOptions } from "../channel/halves.ts";
import type { SqsApi, SqsOperation } from "../sqs/api.ts";
import { HttpSqs } from "../sqs/http-sqs.ts";
import type { SendMessageBatchEntry, SendMessageBatchOutput } from "../sqs/operations.ts";
import { parseQueue, resolveQueueUrl } from "../sqs/queue-address.ts";
import type { SendResult } from "./attempt.ts";
import { Calls } from "./calls.ts";
import { ProducerClosedError } from "./errors.ts";
import { readOptions } from "./options.ts";
import type { ProducerOptions, ProducerSettings, SendOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { encodeMessage } from "./outgoing-message.ts";
import type { OutgoingQueue } from "./outgoing-message.ts";

/** Figures of a {@link Producer}, since it was made. */
export interface ProducerStats {
  /** Sends that resolved. */
  readonly sent: number;
  /** Sends that rejected, for whatever reason but their signal. */
  readonly failed: number;
  /** Sends that rejected because their signal aborted. */
  readonly aborted: number;
  /** Sends that have done neither yet, those that wait for room included. */
  readonly pending: number;
  /** SendMessageBatch requests that are open now. */
  readonly inFlight: number;
  /** Calls made, by operation. What an SqsApi does within a call, its own retries, is not counted. */
  readonly requests: Readonly<Partial<Record<SqsOperation, number>>>;
}

/**
 * Sends messages to one queue: many calls of `send` share a few requests.
 *
 * - A call waits up to `batch.maxWaitMs` for others, and no longer once there are ten of them or 1 MiB.
 * - What SQS fails for the moment (its faults, throttles, a network that is down) is tried again, with
 *   backoff and full jitter, for `retry.giveUpAfterMs`. What it refuses rejects at once, and alone.
 * - On a FIFO queue the messages of a group reach SQS in the order of the calls: a group has one request in
 *   flight, and what is to be tried again holds back what came after. A send that is given up does not: the
 *   later ones go on. Groups go side by side.
 * - On a standard queue an attempt whose answer was lost may put the message there twice, with one idempotency
 *   key. On a FIFO queue the deduplication id, which stays the same, prevents that.
 *
 * A producer that is dropped without `close()` keeps the process alive only as long as sends are under way.
 *
 * @typeParam Body what `send` takes. A string is sent as it is. Anything else is sent as JSON, to which a
 * consumer's `schema` is the counterpart.
 *
 * @example
 * const producer = new Producer({ queue: "orders" });
 * const { messageId } = await producer.send({ order: 4711 }, { attributes: { tenant: "acme" } });
 * await producer.close();
 */
export class Producer<Body = unknown> implements AsyncDisposable {
  readonly #queue: string;
  readonly #outgoing: OutgoingQueue;
  readonly #calls: Calls;
  readonly #outbox: Outbox;
  /** The client that is the producer's own, and ends with it. */
  readonly #ownSqs: HttpSqs | undefined;
  /** Aborts every call, once a close is not to wait for them. */
  readonly #abandoned = new AbortController();
  /** The look-up of the queue's URL; unset again when it fails. */
  #url: Promise<string> | undefined;
  #closing: Promise<void> | undefined;
  /** Sends that were refused here. */
  #invalid = 0;

  /** @throws OptionError when an option cannot work, or `queue` is no URL, ARN or name. */
  constructor(options: ProducerOptions) {
    const settings = readOptions(options);
    const { fifo } = parseQueue(options.queue);
    const { clock, random, contentBasedDeduplication, idempotencyKeys } = settings;
    this.#queue = options.queue;
    this.#outgoing = { fifo, contentBasedDeduplication, idempotencyKeys, random };
    const { sqs, own } = client(options.sqs, settings);
    this.#ownSqs = own;
    this.#calls = new Calls(sqs, clock);
    this.#outbox = new Outbox(settings, fifo, (entries) => this.#deliver(entries));
  }

  /**
   * Sends a message; resolves when SQS has it. The message is encoded during the call: what happens to `body`
   * afterwards does not reach the queue.
   *
   * Waits for room while `maxPending` sends are under way.
   *
   * @throws InvalidMessageError (INVALID_MESSAGE) when SQS would refuse it: too large, empty, illegal
   * characters, no JSON, bad attributes or ids; when there is no such option. Nothing was sent.
   * @throws SendFailedError (SEND_FAILED) when SQS refused it, or retries ran out; `cause` says why, and
   * `mayBeSent` whether it may be on the queue all the same.
   * @throws ProducerClosedError (PRODUCER_CLOSED) after `close()`.
   * @throws the signal's reason on an abort; see {@link SendOptions.signal}.
   */
  async send(body: Body, options: SendOptions = {}): Promise<SendResult> {
    if (this.#closing !== undefined) throw new ProducerClosedError();
    const message = this.#encode(body, options);
    options.signal?.throwIfAborted();
    return this.#outbox.enqueue(message, options.signal);
  }

  /**
   * Sends on what waits for company, and resolves when every send called so far has resolved or rejected.
   *
   * @throws the signal's reason on an abort; the sends go on.
   */
  flush(options: WaitOptions = {}): Promise<void> {
    return this.#outbox.flush(options.signal);
  }

  /**
   * Refuses further sends, waits until those under way have resolved or rejected, and closes the client if it
   * is the producer's own. It takes no longer than the last of them is tried; a signal ends it sooner: what is
   * still under way then rejects with ProducerClosedError, and its request is aborted.
   *
   * May be called again, also with a signal that the first call did not have.
   */
  async close(options: WaitOptions = {}): Promise<void> {
    this.#closing ??= this.#finish();
    const { signal } = options;
    const onAbort = (): void => this.#abandon(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#closing;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The figures now. */
  stats(): ProducerStats {
    const { sent, failed, aborted, pending, inFlight } = this.#outbox;
    const requests = this.#calls.counts;
    return { sent, failed: failed + this.#invalid, aborted, pending, inFlight, requests };
  }

  #encode(body: Body, options: SendOptions): ReturnType<typeof encodeMessage> {
    try {
      return encodeMessage(body, options, this.#outgoing);
    } catch (error) {
      this.#invalid += 1;
      throw error;
    }
  }

  async #deliver(entries: readonly SendMessageBatchEntry[]): Promise<SendMessageBatchOutput> {
    const { signal } = this.#abandoned;
    this.#url ??= this.#resolveUrl(this.#calls, signal);
    const input = { QueueUrl: await this.#url, Entries: entries };
    return this.#calls.call("SendMessageBatch", input, { signal });
  }

  async #resolveUrl(sqs: SqsApi, signal: AbortSignal): Promise<string> {
    try {
      return await resolveQueueUrl(sqs, this.#queue, signal);
    } catch (error) {
      this.#url = undefined;
      throw error;
    }
  }

  #abandon(cause: unknown): void {
    this.#outbox.abandon(
      (send) => new ProducerClosedError(send.mayBeSent || send.state === "inFlight", { cause }),
    );
    this.#abandoned.abort(cause);
  }

  async #finish(): Promise<void> {
    await this.#outbox.flush();
    await this.#outbox.idle();
    await this.#ownSqs?.close();
  }
}

/** The client that was given, or one of the producer's own. */
function client(given: SqsApi | undefined, settings: ProducerSettings): Client {
  if (given !== undefined) return { sqs: given, own: undefined };
  const own = new HttpSqs({ clock: settings.clock, random: settings.random });
  return { sqs: own, own };
}

interface Client {
  readonly sqs: SqsApi;
  readonly own: HttpSqs | undefined;
}
