/**
 * Owns the carrying-out of outcomes: gathers deletes and visibility changes into batches, and repeats
 * what failed. It never decides an outcome, and never extends a lease.
 */
import type { Clock, Timer } from "../clock.ts";
import { toError } from "../errors.ts";
import type { Random } from "../random.ts";
import { fullJitterMs } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import type { CallLimits } from "../sqs/bounded-call.ts";
import { SqsError } from "../sqs/errors.ts";
import { maxBatchEntries } from "../sqs/limits.ts";
import type { EntryResult } from "./batch-call.ts";
import { callBatch } from "./batch-call.ts";
import type { DeadLetterQueue } from "./dead-letter-queue.ts";
import type { Delivery } from "./delivery.ts";
import { SettlementError } from "./errors.ts";
import type { InHand } from "./in-hand.ts";
import { toVisibilitySeconds } from "./retry-policy.ts";

/** A call may take half of what is left of the lease, so that another still fits; at least and at most this long. */
const minCallMs = 1_000;
const maxCallMs = 10_000;
const backoff = { baseMs: 100, maxMs: 5_000 };

/** Told what became of each settlement. */
interface SettlerObserver {
  /** SQS has confirmed the delivery's outcome. Moves it to settled. */
  confirmed(delivery: Delivery): void;
  /** It was given up: the lease is over, SQS refuses it, or there is no time left. Moves it to lost. */
  givenUp(delivery: Delivery, error: SettlementError): void;
  /** An attempt, for one delivery or for several together, failed and will be repeated. */
  troubled(error: Error): void;
}

export interface SettlerParts {
  readonly sqs: SqsApi;
  readonly queueUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadLetterQueue: DeadLetterQueue | undefined;
  readonly observer: SettlerObserver;
  /** Read to see whether anything is left that could join a batch. */
  readonly inHand: InHand;
  /** How long the first of a batch waits for others, while there are any that could come. With 0, for the end of the turn. */
  readonly lingerMs: number;
}

/** Deliveries of one kind of call that wait to go out together. */
class Gathering {
  readonly operation: "DeleteMessageBatch" | "ChangeMessageVisibilityBatch";
  deliveries: Delivery[] = [];
  timer: Timer | undefined;

  constructor(operation: Gathering["operation"]) {
    this.operation = operation;
  }
}

/** An attempt at a settlement that failed. */
interface Failed {
  readonly delivery: Delivery;
  readonly error: Error;
}

/**
 * Settles deliveries that are in state `settling`.
 *
 *     acknowledge ───────────────────────────▶ deletes ──┐  10 entries, or lingerMs
 *     dead-letter ─▶ copy to its queue ──────▶ deletes   ├─────────▶ SQS ─┬▶ confirmed
 *     retry, release ────────────────────────▶ changes ──┘                └▶ again, until the lease is over
 *
 * A settlement that fails is repeated with backoff until the delivery's lease is over, then given up:
 * from then on the message is SQS's to hand out, and its next delivery will settle it. What SQS would
 * refuse again is given up at once. Entries that failed in one call are repeated together: one call that
 * failed must not become ten.
 */
export class Settler {
  readonly #parts: SettlerParts;
  readonly #deletes = new Gathering("DeleteMessageBatch");
  readonly #changes = new Gathering("ChangeMessageVisibilityBatch");
  /** Failed attempts at each settlement. */
  readonly #attempts = new WeakMap<Delivery, number>();
  /** Those whose copy is safe in the dead-letter queue. */
  readonly #copied = new WeakSet<Delivery>();
  readonly #aborted = new AbortController();
  /** Repeats that wait for their backoff; each is removed when it fires. */
  readonly #repeats = new Map<Timer, readonly Failed[]>();
  /** Set to 0 by {@link hurry}. */
  #lingerMs: number;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
    this.#lingerMs = parts.lingerMs;
  }

  /** Takes a delivery whose outcome is known. An extension of it that is under way is waited for. */
  take(delivery: Delivery): void {
    delivery.whenNoRequest(() => this.#begin(delivery));
  }

  /** From now on nothing lingers: what is gathered goes out at once, and so does what comes. */
  hurry(): void {
    this.#lingerMs = 0;
    for (const gathering of [this.#deletes, this.#changes]) this.#flush(gathering);
  }

  /** Gives up all that is not settled yet, and whatever still comes. */
  abort(reason: Error): void {
    this.#aborted.abort(reason);
    for (const [timer, failed] of this.#repeats) {
      timer.cancel();
      for (const { delivery } of failed) this.#giveUp(delivery, reason);
    }
    this.#repeats.clear();
    this.hurry();
  }

  #begin(delivery: Delivery): void {
    // It may have been lost while it waited for an extension to end.
    if (delivery.state !== "settling") return;
    if (this.#aborted.signal.aborted) this.#giveUp(delivery, this.#aborted.signal.reason);
    else if (delivery.outcome?.type === "acknowledge") this.#gather(this.#deletes, delivery);
    else if (delivery.outcome?.type !== "deadLetter") this.#gather(this.#changes, delivery);
    else if (this.#copied.has(delivery)) this.#gather(this.#deletes, delivery);
    else void this.#copy(delivery);
  }

  #gather(gathering: Gathering, delivery: Delivery): void {
    const { clock, inHand } = this.#parts;
    gathering.deliveries.push(delivery);
    const leftMs = delivery.leaseUntilMs - clock.monotonicMs();
    if (gathering.deliveries.length >= maxBatchEntries || leftMs <= this.#lingerMs * 2) {
      this.#flush(gathering);
    } else {
      gathering.timer ??= clock.setTimer(() => this.#flush(gathering), this.#lingerMs);
      if (inHand.size === inHand.counts.settling) this.#hasten();
    }
  }

  /** Nothing is left in hand that could join: what is gathered goes with what else this very turn settles. */
  #hasten(): void {
    for (const gathering of [this.#deletes, this.#changes]) {
      if (gathering.timer === undefined) continue;
      gathering.timer.cancel();
      gathering.timer = this.#parts.clock.setTimer(() => this.#flush(gathering), 0);
    }
  }

  #flush(gathering: Gathering): void {
    gathering.timer?.cancel();
    gathering.timer = undefined;
    const { deliveries } = gathering;
    if (deliveries.length === 0) return;
    gathering.deliveries = [];
    if (gathering.operation === "DeleteMessageBatch") void this.#delete(deliveries);
    else void this.#change(deliveries);
  }

  /** Never rejects. */
  async #delete(deliveries: readonly Delivery[]): Promise<void> {
    const entries = deliveries.map((delivery, index) => ({
      Id: String(index),
      ReceiptHandle: delivery.receiptHandle,
    }));
    const { sqs, queueUrl } = this.#parts;
    for (const delivery of deliveries) delivery.beginRequest();
    this.#ended(
      deliveries,
      await callBatch(
        sqs,
        "DeleteMessageBatch",
        { QueueUrl: queueUrl, Entries: entries },
        this.#bounds(deliveries),
      ),
    );
  }

  /** Never rejects. */
  async #change(deliveries: readonly Delivery[]): Promise<void> {
    const { sqs, queueUrl, clock } = this.#parts;
    const now = clock.monotonicMs();
    const entries = deliveries.map((delivery, index) => ({
      Id: String(index),
      ReceiptHandle: delivery.receiptHandle,
      VisibilityTimeout: visibilitySeconds(delivery, now),
    }));
    for (const delivery of deliveries) delivery.beginRequest();
    this.#ended(
      deliveries,
      await callBatch(
        sqs,
        "ChangeMessageVisibilityBatch",
        { QueueUrl: queueUrl, Entries: entries },
        this.#bounds(deliveries),
      ),
    );
  }

  /** Copies the message to the dead-letter queue; its deletion follows only when the copy is safe. Never rejects. */
  async #copy(delivery: Delivery): Promise<void> {
    const { deadLetterQueue } = this.#parts;
    if (deadLetterQueue === undefined) {
      // The judge has made sure that there is one.
      this.#giveUp(delivery, new Error("there is no dead-letter queue"));
      return;
    }
    try {
      const reason = delivery.outcome?.type === "deadLetter" ? delivery.outcome.reason : undefined;
      await deadLetterQueue.send(delivery, reason, this.#bounds([delivery]));
    } catch (thrown) {
      const error = toError(thrown);
      // A copy that may not be made would hold its permit for as long as the lease lasts.
      if (isPermanent(error)) this.#giveUp(delivery, error);
      else this.#repeat([{ delivery, error }]);
      return;
    }
    this.#copied.add(delivery);
    this.#begin(delivery);
  }

  #ended(deliveries: readonly Delivery[], results: readonly EntryResult[]): void {
    const failed: Failed[] = [];
    for (const [index, delivery] of deliveries.entries()) {
      const result = results[index];
      delivery.endRequest();
      if (result === undefined || delivery.state !== "settling") continue;
      if (result.done) this.#parts.observer.confirmed(delivery);
      else if (result.permanent) this.#giveUp(delivery, result.error);
      else failed.push({ delivery, error: result.error });
    }
    this.#repeat(failed);
  }

  /** Tries again what failed together, after a backoff; gives up those whose lease is over by then. */
  #repeat(failed: readonly Failed[]): void {
    if (failed.length === 0) return;
    const { clock, random, observer } = this.#parts;
    const attempts = failed.map(({ delivery }) => this.#attempts.get(delivery) ?? 0);
    const delayMs = fullJitterMs(backoff, Math.min(...attempts), random);
    const again: Failed[] = [];
    for (const one of failed) {
      const over = clock.monotonicMs() + delayMs >= one.delivery.leaseUntilMs;
      if (over || this.#aborted.signal.aborted) this.#giveUp(one.delivery, one.error);
      else again.push(one);
    }
    const [first] = again;
    if (first === undefined) return;
    observer.troubled(first.error);
    for (const { delivery } of again) {
      this.#attempts.set(delivery, (this.#attempts.get(delivery) ?? 0) + 1);
    }
    const timer = clock.setTimer(() => {
      this.#repeats.delete(timer);
      for (const { delivery } of again) this.#begin(delivery);
    }, delayMs);
    this.#repeats.set(timer, again);
  }

  #giveUp(delivery: Delivery, cause: Error): void {
    const { message, outcome } = delivery;
    const error = new SettlementError(
      `message ${message.id} could not be settled (${outcome?.type ?? "no outcome"}): ${cause.message}`,
      { cause },
    );
    this.#parts.observer.givenUp(delivery, error);
  }

  #bounds(deliveries: readonly Delivery[]): CallLimits {
    const { clock } = this.#parts;
    const leaseUntilMs = Math.min(...deliveries.map((delivery) => delivery.leaseUntilMs));
    const halfMs = (leaseUntilMs - clock.monotonicMs()) / 2;
    return {
      clock,
      timeoutMs: Math.min(Math.max(halfMs, minCallMs), maxCallMs),
      signal: this.#aborted.signal,
    };
  }
}

/** What a retry or a release asks SQS for. */
function visibilitySeconds({ outcome, leaseLimitMs }: Delivery, nowMs: number): number {
  if (outcome?.type !== "retry" && outcome?.type !== "release") return 0;
  return toVisibilitySeconds(outcome.afterSeconds ?? 0, (leaseLimitMs - nowMs) / 1_000);
}

/** Whether a call that failed would fail again, until somebody does something about it. */
function isPermanent(error: Error): boolean {
  // What is no trouble of SQS's, a look-up refused for its ARN above all, is none that passes.
  if (!(error instanceof SqsError)) return true;
  return error.category !== "transient" && error.category !== "throttled";
}
