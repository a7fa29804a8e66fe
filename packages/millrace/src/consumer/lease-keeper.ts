/**
 * Owns the leases: extends those of deliveries in hand before they run out, and says which are lost.
 * It never touches a delivery that is settling: its last visibility timeout belongs to the settler.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Random } from "../random.ts";
import { fullJitterMs } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { maxBatchEntries, maxVisibilitySeconds } from "../sqs/limits.ts";
import type { EntryResult } from "./batch-call.ts";
import { callBatch } from "./batch-call.ts";
import type { Delivery } from "./delivery.ts";
import { leaseExpired } from "./delivery.ts";
import { LeaseLostError } from "./errors.ts";
import type { InHand } from "./in-hand.ts";

/** A lease is extended when this share of the visibility timeout has passed. */
const extendAfterShare = 0.5;
/** Leases that come due within this share of the visibility timeout go in one batch. */
const gatherShare = 0.1;
/** A call may take this share of the visibility timeout, so that a second one still fits. */
const callShare = 0.15;
const maxCallMs = 10_000;
/** A delivery may be in flight for 12 hours since its receive, by SQS's count, which began before ours. */
const totalMarginMs = 60_000;

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
}

/** An extension that failed and is to be tried again. */
interface Failed {
  readonly attempts: number;
  readonly retryAtMs: number;
}

/**
 * Keeps every delivery that is received, waiting or running. One timer serves them all: it is set to
 * the moment when the first of them needs something.
 *
 *     receive                extend                         lease over
 *     │◀── half the timeout ──▶│◀─ tries, with backoff ─────────▶│ lost
 *
 * A lease counts from when the request that granted it was sent, and is recorded when SQS has
 * confirmed: SQS's own count is later, never earlier.
 */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  readonly #visibilityMs: number;
  readonly #failed = new WeakMap<Delivery, Failed>();
  readonly #stopped = new AbortController();
  #timer: Timer | undefined;
  /** When #timer fires; Infinity while none is set. */
  #timerAtMs = Infinity;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
    this.#visibilityMs = parts.visibilitySeconds * 1_000;
  }

  /** Begins to keep a delivery that is in hand. */
  keep(delivery: Delivery): void {
    this.#armAt(this.#dueAtMs(delivery));
  }

  /** Keeps nothing any more; extensions under way are given up. */
  stop(): void {
    this.#stopped.abort(new Error("the lease keeper was stopped"));
    this.#disarm();
  }

  /** When a delivery needs the keeper next: for an extension, or to be declared lost. */
  #dueAtMs(delivery: Delivery): number {
    if (delivery.requestOpen) return delivery.leaseUntilMs;
    const extendAtMs =
      this.#failed.get(delivery)?.retryAtMs ??
      delivery.leaseUntilMs - this.#visibilityMs * (1 - extendAfterShare);
    return Math.min(extendAtMs, delivery.leaseUntilMs);
  }

  #tick(): void {
    const now = this.#parts.clock.monotonicMs();
    const gatherUntilMs = now + this.#visibilityMs * gatherShare;
    const due: Delivery[] = [];
    let nextMs = Infinity;
    for (const delivery of this.#parts.inHand) {
      if (!isKept(delivery)) continue;
      if (delivery.leaseUntilMs <= now) {
        this.#parts.lose(delivery, leaseExpired(delivery));
        continue;
      }
      const dueAtMs = this.#dueAtMs(delivery);
      const extendable = !delivery.requestOpen && this.#extensionSeconds(delivery, now) > 0;
      if (extendable && dueAtMs <= gatherUntilMs) {
        due.push(delivery);
        nextMs = Math.min(nextMs, delivery.leaseUntilMs);
      } else {
        nextMs = Math.min(nextMs, extendable ? dueAtMs : delivery.leaseUntilMs);
      }
    }
    for (let from = 0; from < due.length; from += maxBatchEntries) {
      void this.#extend(due.slice(from, from + maxBatchEntries));
    }
    this.#armAt(nextMs);
  }

  /** What an extension made now may ask for; 0 when it would bring nothing, since the 12 hours are nearly over. */
  #extensionSeconds(delivery: Delivery, nowMs: number): number {
    const endMs = delivery.receivedAtMs + maxVisibilitySeconds * 1_000 - totalMarginMs;
    const seconds = Math.floor(Math.min(this.#visibilityMs, endMs - nowMs) / 1_000);
    return nowMs + seconds * 1_000 > delivery.leaseUntilMs ? seconds : 0;
  }

  /** Extends up to ten leases in one call. Never rejects. */
  async #extend(deliveries: readonly Delivery[]): Promise<void> {
    const { sqs, queueUrl, clock } = this.#parts;
    const sentAtMs = clock.monotonicMs();
    const entries = deliveries.map((delivery, index) => ({
      Id: String(index),
      ReceiptHandle: delivery.receiptHandle,
      VisibilityTimeout: this.#extensionSeconds(delivery, sentAtMs),
    }));
    for (const delivery of deliveries) delivery.beginRequest();
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
    for (const [index, delivery] of deliveries.entries()) {
      const result = results[index];
      const seconds = entries[index]?.VisibilityTimeout;
      if (result === undefined || seconds === undefined) continue;
      this.#extended(delivery, result, sentAtMs + seconds * 1_000);
    }
  }

  #extended(delivery: Delivery, result: EntryResult, untilMs: number): void {
    if (result.done) {
      this.#failed.delete(delivery);
      // Also while it is settling: it tells the settler how long it may try.
      delivery.extendLease(untilMs);
    } else if (isKept(delivery) && result.permanent) {
      const why = "SQS refused to extend it";
      const error = new LeaseLostError(delivery.message.id, why, { cause: result.error });
      this.#parts.lose(delivery, error);
    } else {
      const attempts = (this.#failed.get(delivery)?.attempts ?? 0) + 1;
      const shape = { baseMs: this.#visibilityMs * 0.02, maxMs: this.#visibilityMs * 0.1 };
      const backoffMs = fullJitterMs(shape, attempts - 1, this.#parts.random);
      this.#failed.set(delivery, {
        attempts,
        retryAtMs: this.#parts.clock.monotonicMs() + backoffMs,
      });
    }
    delivery.endRequest();
    if (isKept(delivery)) this.#armAt(this.#dueAtMs(delivery));
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
