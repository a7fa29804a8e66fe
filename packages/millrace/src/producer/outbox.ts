/**
 * Owns every send from its call to its end: room, lanes, batches, requests in flight, attempts. It never
 * knows how a batch reaches SQS; it is given a function for that.
 */
import { LinkedList } from "../channel/linked-list.ts";
import { toError } from "../errors.ts";
import { fullJitterMs } from "../random.ts";
import type { SendMessageBatchEntry, SendMessageBatchOutput } from "../sqs/operations.ts";
import { Alarm } from "./alarm.ts";
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
 * Every change ends in #pump, the one place that starts requests and sets the alarms: for the next request, and for
 * what is to be given up before one has room for it. The states of a send and of a lane are at their types.
 */
export class Outbox {
  readonly #settings: ProducerSettings;
  readonly #deliver: Deliver;

  /** Every send that is not settled, in the order of the calls, which is that of their deadlines. */
  readonly #pending = new Set<PendingSend>();
  /** Those of them that wait for room. */
  readonly #waiting = new LinkedList<PendingSend>();
  /** Those that are queued. */
  readonly #lanes: Lanes;
  readonly #requests = new Set<Request>();
  readonly #flushes = new Set<Flush>();
  #order = 0;
  /** Goes off when the lanes are due. Set only while one is ready and a request may begin. */
  readonly #due: Alarm;
  /**
   * Goes off when a send that is in no request has been tried for long enough: while requests are open such a
   * send has to wait for them, and they may take long. Then it is set, not later than the first such deadline; it
   * may be earlier, since it stays as it is when that send's turn comes. So it costs a send nothing.
   */
  readonly #deadline: Alarm;
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
    this.#due = new Alarm(settings.clock, () => {
      this.#lanes.stopWaiting();
      this.#pump(true);
    });
    this.#deadline = new Alarm(settings.clock, () => {
      this.#giveUpLate();
      this.#pump(true);
    });
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
   * Lets in whom there is room for, starts what may start, and sets the alarms for the rest.
   *
   * @param byClock whether what is due may start. Not so in a caller's turn of the event loop, however long
   * that takes, so that all calls of the turn stay together: the alarm is set, and comes after it.
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
    this.#setAlarms();
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
    for (const send of late) this.#giveUp(send, now);
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
      // It may have been called before those that the alarm is set for.
      if (this.#deadline.isSet && send.deadlineMs < this.#deadline.atMs) {
        this.#deadline.set(send.deadlineMs);
      }
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
        if (nextMs < send.deadlineMs) return false;
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

  /** Gives up every send that is in no request and whose deadline has come. */
  #giveUpLate(): void {
    const now = this.#settings.clock.monotonicMs();
    for (const send of this.#pending) {
      if (send.deadlineMs > now) return;
      if (send.state !== "inFlight") this.#giveUp(send, now);
    }
  }

  #giveUp(send: PendingSend, now: number): void {
    this.#withdraw(send);
    this.#fail(send, gaveUp(send, now, send.lastError ?? this.#lastError));
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

  #setAlarms(): void {
    const mayStart = this.#requests.size < this.#settings.maxInFlight;
    this.#due.set(mayStart ? this.#lanes.dueMs : Infinity);
    if (this.#pending.size === 0) this.#deadline.set(Infinity);
    else if (!this.#deadline.isSet) this.#deadline.set(this.#firstDeadlineMs());
  }

  /** Of the sends that have to wait for a request; Infinity while there are none. */
  #firstDeadlineMs(): number {
    const inNoRequest = this.#waiting.size + this.#lanes.queued;
    if (inNoRequest === 0 || this.#requests.size === 0) return Infinity;
    for (const { state, deadlineMs } of this.#pending) {
      if (state !== "inFlight") return deadlineMs;
    }
    return Infinity;
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
