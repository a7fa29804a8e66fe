/**
 * Owns the leases: extends those of deliveries in hand before they run out, and says which are lost.
 * It never touches a delivery that is settling: its last visibility timeout belongs to the settler.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Random } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { maxBatchEntries } from "../sqs/limits.ts";
import type { EntryResult } from "./batch-call.ts";
import { callBatch } from "./batch-call.ts";
import type { Delivery } from "./delivery.ts";
import { leaseExpired } from "./delivery.ts";
import { LeaseLostError } from "./errors.ts";
import type { InHand } from "./in-hand.ts";

/** A lease is extended when this share of the visibility timeout is left of it. */
const extendAtShare = 0.5;
/** Leases that come due within this share of the visibility timeout go in one batch. */
const gatherShare = 0.1;
/** An extension that brings less than this share of the visibility timeout is worth no request. */
const gainShare = 0.1;
/** A call may take this share of the visibility timeout, so that a second one still fits. */
const callShare = 0.15;
const maxCallMs = 10_000;
/** An extension that failed is tried again after this share of the visibility timeout, and up to as much again. */
const retryShare = 0.05;
/** How long the answer of a poll is taken to have been on its way: this share of the visibility timeout. */
const answerShare = 0.1;

export interface LeaseKeeperParts {
  readonly sqs: SqsApi;
  readonly queueUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  /** What each receive and each extension asks for. */
  readonly visibilitySeconds: number;
  readonly inHand: InHand;
  /** Moves the delivery to lost and tells of it. */
  readonly lose: (delivery: Delivery, error: LeaseLostError) => void;
  /** Told of calls that extended leases, and of those that did not and are made again, in `againWithinMs` at most. */
  readonly observer: {
    leasesExtended(): void;
    extensionFailed(error: Error, againWithinMs: number): void;
  };
}

/** One entry of a batch of extensions. */
interface Extension {
  readonly delivery: Delivery;
  readonly seconds: number;
}

/** An extension that failed, of a delivery for which none has succeeded since. */
interface FailedExtension {
  /** When it is tried again. */
  readonly retryAtMs: number;
  readonly error: Error;
}

/**
 * Keeps every delivery that is received, waiting or running. One timer serves them all: it is set to
 * the moment when the first of them needs something.
 *
 *     receive                extend                         lease over
 *     │◀── half the timeout ──▶│◀─ tries, with pauses ──────────▶│ lost
 *
 * A lease counts from when the request that granted it was sent, and is recorded when SQS has confirmed:
 * SQS's own count is later, never earlier. Only of a long poll nobody can say at which moment of its
 * wait SQS handed a message out; see {@link LeaseKeeper.beganAtMs}.
 */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  readonly #visibilityMs: number;
  /** The last extension of each delivery, where that failed. */
  readonly #failed = new WeakMap<Delivery, FailedExtension>();
  readonly #stopped = new AbortController();
  /** Calls under way; each removes itself when it has ended. */
  readonly #calls = new Set<Promise<void>>();
  #timer: Timer | undefined;
  /** When #timer fires; Infinity while none is set. */
  #timerAtMs = Infinity;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
    this.#visibilityMs = parts.visibilitySeconds * 1_000;
  }

  /** Begins to keep a delivery that is in hand. */
  keep(delivery: Delivery): void {
    this.#armAt(this.#dueAtMs(delivery, this.#parts.clock.monotonicMs()));
  }

  /** Keeps nothing any more. Resolves when extensions that were under way have ended: calls that are aborted do within a second. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error("the lease keeper was stopped"));
    this.#disarm();
    await Promise.all(this.#calls);
  }

  /**
   * When the lease of a delivery begins that a poll sent at `askedAtMs` has just brought: when it was
   * sent, but no longer ago than an answer takes.
   */
  beganAtMs(askedAtMs: number): number {
    const answeredAtMs = this.#parts.clock.monotonicMs();
    return Math.max(askedAtMs, answeredAtMs - this.#visibilityMs * answerShare);
  }

  /** When a delivery needs the keeper next: for an extension, or to be declared lost. */
  #dueAtMs(delivery: Delivery, nowMs: number): number {
    const { leaseUntilMs, requestOpen } = delivery;
    if (requestOpen) return leaseUntilMs;
    const extendAtMs =
      this.#failed.get(delivery)?.retryAtMs ?? leaseUntilMs - this.#visibilityMs * extendAtShare;
    const atMs = Math.max(extendAtMs, nowMs);
    return this.#extensionSeconds(delivery, atMs) > 0 ? Math.min(atMs, leaseUntilMs) : leaseUntilMs;
  }

  /** What an extension sent at `atMs` may ask for; 0 when it would bring too little, the 12 hours being nearly over. */
  #extensionSeconds(delivery: Delivery, atMs: number): number {
    const leftMs = Math.min(this.#visibilityMs, delivery.leaseLimitMs - atMs);
    const seconds = Math.floor(leftMs / 1_000);
    const gainMs = atMs + seconds * 1_000 - delivery.leaseUntilMs;
    return gainMs >= this.#visibilityMs * gainShare ? seconds : 0;
  }

  #tick(): void {
    const now = this.#parts.clock.monotonicMs();
    const gatherUntilMs = now + this.#visibilityMs * gatherShare;
    const due: Extension[] = [];
    const over: Delivery[] = [];
    let nextMs = Infinity;
    for (const delivery of this.#parts.inHand) {
      if (!isKept(delivery)) continue;
      if (delivery.leaseUntilMs <= now) {
        over.push(delivery);
        continue;
      }
      const dueAtMs = this.#dueAtMs(delivery, now);
      const goes = dueAtMs < delivery.leaseUntilMs && dueAtMs <= gatherUntilMs;
      const seconds = goes ? this.#extensionSeconds(delivery, now) : 0;
      if (seconds > 0) due.push({ delivery, seconds });
      nextMs = Math.min(nextMs, seconds > 0 ? delivery.leaseUntilMs : dueAtMs);
    }
    for (let from = 0; from < due.length; from += maxBatchEntries) {
      this.#track(this.#extend(due.slice(from, from + maxBatchEntries), now));
    }
    this.#armAt(nextMs);
    // Last, since whoever is told of it may do anything: stop the consumer, and with it settle deliveries
    // that were found due above.
    for (const delivery of over) {
      const cause = this.#failed.get(delivery)?.error;
      if (isKept(delivery)) this.#parts.lose(delivery, leaseExpired(delivery, cause));
    }
  }

  #track(call: Promise<void>): void {
    this.#calls.add(call);
    void call.then(() => this.#calls.delete(call));
  }

  /** Extends up to ten leases in one call. Never rejects. */
  async #extend(extensions: readonly Extension[], sentAtMs: number): Promise<void> {
    const { sqs, queueUrl, clock, random } = this.#parts;
    const entries = extensions.map(({ delivery, seconds }, index) => ({
      Id: String(index),
      ReceiptHandle: delivery.receiptHandle,
      VisibilityTimeout: seconds,
    }));
    for (const { delivery } of extensions) delivery.beginRequest();
    const results = await callBatch(
      sqs,
      "ChangeMessageVisibilityBatch",
      { QueueUrl: queueUrl, Entries: entries },
      {
        clock,
        timeoutMs: Math.min(maxCallMs, this.#visibilityMs * callShare),
        signal: this.#stopped.signal,
      },
    );
    if (!this.#stopped.signal.aborted) this.#report(results);
    // One pause for all that failed, so that they go together again.
    const retryAtMs = clock.monotonicMs() + this.#visibilityMs * retryShare * (1 + random());
    for (const [index, { delivery, seconds }] of extensions.entries()) {
      const result = results[index];
      if (result !== undefined) {
        this.#extended(delivery, result, sentAtMs + seconds * 1_000, retryAtMs);
      }
    }
  }

  #extended(delivery: Delivery, result: EntryResult, untilMs: number, retryAtMs: number): void {
    if (result.done) {
      this.#failed.delete(delivery);
      // Also while it is settling: it tells the settler how long it may try.
      delivery.extendLease(untilMs);
    } else if (isKept(delivery) && result.permanent) {
      const why = "SQS refused to extend it";
      const error = new LeaseLostError(delivery.message.id, why, { cause: result.error });
      this.#parts.lose(delivery, error);
    } else {
      this.#failed.set(delivery, { retryAtMs, error: result.error });
    }
    delivery.endRequest();
    if (isKept(delivery)) this.#armAt(this.#dueAtMs(delivery, this.#parts.clock.monotonicMs()));
  }

  /** What is refused for good is the matter of its own delivery, and told with its loss. */
  #report(results: readonly EntryResult[]): void {
    const { observer } = this.#parts;
    let extended = false;
    for (const result of results) {
      if (result.done) extended = true;
      else if (!result.permanent) {
        // Of the next messages' leases the first is tried when half of it is over.
        observer.extensionFailed(result.error, this.#visibilityMs);
        return;
      }
    }
    if (extended) observer.leasesExtended();
  }

  #armAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#stopped.signal.aborted) return;
    this.#disarm();
    this.#timerAtMs = atMs;
    const delayMs = Math.max(0, atMs - this.#parts.clock.monotonicMs());
    this.#timer = this.#parts.clock.setTimer(() => {
      this.#timer = undefined;
      this.#timerAtMs = Infinity;
      this.#tick();
    }, delayMs);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }
}

function isKept({ state }: Delivery): boolean {
  return state === "received" || state === "waiting" || state === "running";
}
