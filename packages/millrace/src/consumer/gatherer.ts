/**
 * Owns the gathering of deliveries into batches. It never runs a handler, and never takes two of a lane out
 * of order.
 */
import type { ReceiveChannel } from "../channel/halves.ts";
import type { Clock } from "../clock.ts";
import type { Delivery } from "./delivery.ts";
import type { LaneKeeper } from "./lane-keeper.ts";
import { nextDelivery } from "./next-delivery.ts";

export interface GathererParts {
  readonly channel: ReceiveChannel<Delivery>;
  /** Undefined where no order is kept. */
  readonly lanes: LaneKeeper | undefined;
  /** Whether a delivery's body was refused. */
  readonly isRefused: (delivery: Delivery) => boolean;
  /** Deliveries in a batch, at most. */
  readonly maxSize: number;
  /** How long the first of a batch waits for others, in ms. */
  readonly maxWaitMs: number;
  readonly clock: Clock;
  /** Called whenever nothing is there to gather. */
  readonly onIdle: () => void;
}

/**
 * Gathers for one worker at a time: several at once would each hold a few and wait for the rest.
 *
 *     channel   b1 a1 x1          lane "a": a1 │ a2 a3
 *     batch     [ x1 a1 a2 a3 b1 ]
 *
 * What waits behind a delivery in its lane joins the batch with it, in order: it would otherwise wait
 * until the whole batch is done. So does what comes into its lane while the batch waits for others. One
 * whose body was refused no handler gets to see, so that it has its turn alone: nothing behind it may start
 * before it is settled. Deliveries stay `waiting` until their worker runs them.
 */
export class Gatherer {
  readonly #parts: GathererParts;
  /** Resolves when whoever gathers now is done. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: GathererParts) {
    this.#parts = parts;
  }

  /** The next batch, of at least one; undefined when the channel has ended. */
  next(): Promise<Delivery[] | undefined> {
    const batch = this.#turn.then(() => this.#gather());
    this.#turn = batch.catch(() => {}); // Its caller has the error; the next one takes its turn.
    return batch;
  }

  async #gather(): Promise<Delivery[] | undefined> {
    const { channel, clock, maxSize, maxWaitMs, onIdle } = this.#parts;
    const batch: Delivery[] = [];
    while (batch.length === 0) {
      const first = await nextDelivery(channel, onIdle);
      if (first === undefined) return undefined;
      this.#add(batch, first);
    }
    const over = new AbortController();
    const timer = clock.setTimer(() => over.abort(), maxWaitMs);
    while (batch.length < maxSize) {
      const next = await nextDelivery(channel, onIdle, over.signal);
      if (next === undefined) break;
      this.#add(batch, next);
    }
    timer.cancel();
    this.#addJoining(batch);
    return batch;
  }

  /** What has come into its lanes while it waited: that does not pass through the channel. */
  #addJoining(batch: Delivery[]): void {
    const { lanes, isRefused, maxSize } = this.#parts;
    if (lanes === undefined) return;
    for (const delivery of batch) {
      if (batch.length >= maxSize) return;
      if (delivery.state !== "waiting" || isRefused(delivery)) continue;
      const next = lanes.join(delivery, (each) => !isRefused(each));
      if (next !== undefined) this.#add(batch, next);
    }
  }

  #add(batch: Delivery[], delivery: Delivery): void {
    const { lanes, isRefused, maxSize } = this.#parts;
    const isGood = (each: Delivery): boolean => !isRefused(each);
    let next: Delivery | undefined = delivery;
    while (next !== undefined) {
      // Lost while it waited in the channel, or released by a stop.
      if (next.state === "waiting") batch.push(next);
      next = batch.length < maxSize && isGood(next) ? lanes?.join(next, isGood) : undefined;
    }
  }
}
