/**
 * Owns every send from its call to its end: room, lanes, batches, requests in flight, attempts. It never
 * knows how a batch reaches SQS; it is given a function for that.
 */
import { LinkedList } from "../channel/linked-list.ts";
import type { Timer } from "../clock.ts";
import { toError } from "../errors.ts";
import { fullJitterMs } from "../random.ts";
import type { SendMessageBatchEntry, SendMessageBatchOutput } from "../sqs/operations.ts";
import { readAnswer, readRejection } from "./attempt.ts";
import type { Attempt, SendResult } from "./attempt.ts";
import { SendFailedError } from "./errors.ts";
import { Lanes } from "./lanes.ts";
import type { ProducerSettings } from "./options.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";
import { PendingSend } from "./pending-send.ts";

/** Brings one batch to SQS. Rejects as an SqsApi does. */
export type Deliver = (
  entries: readonly SendMessageBatchEntry[],
) => Promise<SendMessageBatchOutput>;

type Request = Promise<readonly Attempt[]>;

/** Someone who waits until the sends before `order` are settled. */
interface Flush {
  readonly order: number;
  remaining: number;
  readonly resolve: () => void;
}

/**
 * Sends on their way:
 *
 *     enqueue ──▶ room ──▶ lane a │ 3 2 1 │──┐
 *                          lane b │     1 │──┼──▶ a batch of the lanes' first ──▶ SQS
 *                          lane c │   2 1 │──┘                │
 *                            ▲                                ▼
 *                            └────── backoff ◀────── what failed for now
 *
 * Every change ends in #pump, the one place that starts requests and sets the timer for the next. The states
 * of a send and of a lane are at their types.
 */
export class Outbox {
  readonly #settings: ProducerSettings;
  readonly #deliver: Deliver;

  /** Every send that is not settled. */
  readonly #pending = new Set<PendingSend>();
  /** Those of them that wait for room. */
  readonly #waiting = new LinkedList<PendingSend>();
  /** Those that are queued. */
  readonly #lanes: Lanes;
  readonly #requests = new Set<Request>();
  readonly #flushes = new Set<Flush>();
  #order = 0;
  /** Goes off when the lanes are due. Set only while one is ready and a request may begin. */
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined;
  /** What the last request failed with, if it failed as a whole: why others do not get their turn. */
  #lastError: unknown;

  // Sends settled so far, by how they ended.
  #sent = 0;
  #failed = 0;
  #aborted = 0;

  constructor(settings: ProducerSettings, fifo: boolean, deliver: Deliver) {
    this.#settings = settings;
    this.#deliver = deliver;
    this.#lanes = new Lanes({ ...settings, fifo, onReady: () => this.#pump(true) });
  }

  get sent(): number {
    return this.#sent;
  }

  get failed(): number {
    return this.#failed;
  }

  get aborted(): number {
    return this.#aborted;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get inFlight(): number {
    return this.#requests.size;
  }

  /** Takes a message on its way. The signal must not have aborted yet. */
  enqueue(message: OutgoingMessage, signal: AbortSignal | undefined): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      const { clock, maxWaitMs, giveUpAfterMs } = this.#settings;
      const calledMs = clock.monotonicMs();
      const send = new PendingSend({
        message,
        order: this.#order++,
        calledMs,
        dueMs: calledMs + maxWaitMs,
        deadlineMs: calledMs + giveUpAfterMs,
        signal,
        onAbort: this.#onAbort,
        resolve,
        reject,
      });
      this.#pending.add(send);
      this.#waiting.append(send);
      this.#pump(false);
    });
  }

  /**
   * Sends on without waiting for company, until every send that was called before is settled, one way or the
   * other. Rejects with the signal's reason; the sends go on.
   */
  flush(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        this.#flushes.delete(flush);
        reject(signal?.reason);
      };
      const flush: Flush = {
        order: this.#order,
        remaining: this.#pending.size,
        resolve: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      if (flush.remaining === 0) {
        resolve();
        return;
      }
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#flushes.add(flush);
      this.#pump(false);
    });
  }

  /** Rejects every send that is not settled. What is in flight is still waited for by {@link idle}. */
  abandon(reason: (send: PendingSend) => Error): void {
    for (const send of this.#pending) {
      this.#withdraw(send);
      this.#fail(send, reason(send));
    }
    this.#pump(false);
  }

  /** Resolves when the requests that are in flight have ended: once no send is pending no other begins. */
  async idle(): Promise<void> {
    await Promise.all(this.#requests);
  }

  /**
   * Lets in whom there is room for, starts what may start, and sets the timer for the rest.
   *
   * @param byClock whether what is due may start. Not so in a caller's turn of the event loop, however long
   * that takes, so that all calls of the turn stay together: the timer is set, and comes after it.
   */
  #pump(byClock: boolean): void {
    this.#admit();
    do {
      while (this.#requests.size < this.#settings.maxInFlight) {
        const batch = this.#nextBatch(byClock);
        if (batch.length === 0) break;
        this.#start(batch);
      }
      // Sends that were given up on the way have left room.
    } while (this.#admit());
    this.#setTimer();
  }

  /** Whether anyone was let in. */
  #admit(): boolean {
    let admitted = false;
    for (let send = this.#waiting.first; send !== undefined; send = this.#waiting.first) {
      const underWay = this.#pending.size - this.#waiting.size;
      if (underWay >= this.#settings.maxPending) break;
      admitted = true;
      this.#waiting.remove(send);
      send.state = "queued";
      this.#lanes.add(send);
    }
    return admitted;
  }

  /** The next batch, or nothing while there is none or it can wait for company. */
  #nextBatch(byClock: boolean): readonly PendingSend[] {
    const now = this.#settings.clock.monotonicMs();
    const { sends, late, full } = this.#lanes.gather(now);
    for (const send of late) {
      this.#withdraw(send);
      this.#fail(send, gaveUp(send, now, send.lastError ?? this.#lastError));
    }
    const due = full || this.#flushes.size > 0 || (byClock && now >= this.#lanes.dueMs);
    return due ? sends : [];
  }

  #start(batch: readonly PendingSend[]): void {
    this.#lanes.take(batch);
    for (const send of batch) {
      send.state = "inFlight";
      send.attempts += 1;
    }
    const request = this.#request(batch);
    this.#requests.add(request);
    void this.#followUp(batch, request);
  }

  async #followUp(batch: readonly PendingSend[], request: Request): Promise<void> {
    const attempts = await request;
    this.#requests.delete(request);
    this.#conclude(batch, attempts);
    this.#pump(true);
  }

  /** Never rejects. */
  async #request(batch: readonly PendingSend[]): Promise<readonly Attempt[]> {
    try {
      const entries = batch.map((send, index) => ({ ...send.message.entry, Id: `${index}` }));
      const attempts = readAnswer(batch.length, await this.#deliver(entries));
      this.#lastError = undefined;
      return attempts;
    } catch (error) {
      this.#lastError = error;
      return readRejection(batch.length, error);
    }
  }

  /** Settles what a request has decided, and puts the rest back where it was. */
  #conclude(batch: readonly PendingSend[], attempts: readonly Attempt[]): void {
    const now = this.#settings.clock.monotonicMs();
    const delayMs = attempts.some(({ kind }) => kind === "failed") ? this.#drawBackoff(batch) : 0;
    const again = new Set<PendingSend>();
    for (const [index, send] of batch.entries()) {
      const attempt = attempts[index];
      // Settled: it was aborted in the meantime, and whatever came of it is nobody's concern.
      if (attempt === undefined || send.state === "settled") continue;
      if (this.#decide(send, attempt, now, now + delayMs)) continue;
      send.state = "queued";
      again.add(send);
    }
    this.#lanes.putBack(batch, again, delayMs);
  }

  /** Whether an attempt settles its send; if not, the send is to be tried again. */
  #decide(send: PendingSend, attempt: Attempt, now: number, nextMs: number): boolean {
    switch (attempt.kind) {
      case "sent":
        this.#sent += 1;
        this.#settled(send);
        send.resolve(attempt.result);
        return true;
      case "spoiled":
        send.mayBeSent ||= attempt.uncertain;
        send.alone = true;
        return false;
      case "refused":
        send.mayBeSent ||= attempt.uncertain;
        this.#fail(send, refused(send, attempt.error));
        return true;
      case "failed":
        send.mayBeSent ||= attempt.uncertain;
        send.lastError = attempt.error;
        if (nextMs <= send.deadlineMs) return false;
        this.#fail(send, gaveUp(send, now, attempt.error));
        return true;
      default:
        return attempt satisfies never;
    }
  }

  /** One draw for a whole batch: what failed together is tried again together. */
  #drawBackoff(batch: readonly PendingSend[]): number {
    const attempts = Math.max(...batch.map((send) => send.attempts));
    return fullJitterMs(this.#settings.backoff, attempts - 1, this.#settings.random);
  }

  readonly #onAbort = (send: PendingSend, reason: unknown): void => {
    this.#withdraw(send);
    this.#aborted += 1;
    this.#settled(send);
    send.reject(reason);
    this.#pump(false);
  };

  /** Takes a send out of the room's queue or its lane. One that is in flight is in neither. */
  #withdraw(send: PendingSend): void {
    if (send.state === "waiting") this.#waiting.remove(send);
    else if (send.state === "queued") this.#lanes.withdraw(send);
  }

  #fail(send: PendingSend, error: Error): void {
    this.#failed += 1;
    this.#settled(send);
    send.reject(error);
  }

  #settled(send: PendingSend): void {
    this.#pending.delete(send);
    for (const flush of this.#flushes) {
      if (send.order >= flush.order) continue;
      flush.remaining -= 1;
      if (flush.remaining > 0) continue;
      this.#flushes.delete(flush);
      flush.resolve();
    }
  }

  #setTimer(): void {
    const mayStart = this.#requests.size < this.#settings.maxInFlight;
    const dueMs = mayStart ? this.#lanes.dueMs : Infinity;
    if (this.#timer?.dueMs === dueMs) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (dueMs === Infinity) return;
    const { clock } = this.#settings;
    const onDue = (): void => {
      this.#timer = undefined;
      this.#lanes.stopWaiting();
      this.#pump(true);
    };
    this.#timer = { dueMs, timer: clock.setTimer(onDue, dueMs - clock.monotonicMs()) };
  }
}

function refused(send: PendingSend, cause: unknown): SendFailedError {
  const text = `the message was not accepted: ${toError(cause).message}`;
  return new SendFailedError(text, send, { cause });
}

function gaveUp(send: PendingSend, now: number, cause: unknown): SendFailedError {
  const after = `gave up after ${send.attempts} attempts in ${Math.round(now - send.calledMs)} ms`;
  if (cause === undefined) return new SendFailedError(`${after}: its turn did not come`, send);
  return new SendFailedError(`${after}: ${toError(cause).message}`, send, { cause });
}
