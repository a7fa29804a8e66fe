/**
 * Owns the list of deliveries in hand and how many are in each state. It never changes one.
 */
import { LinkedList } from "../channel/linked-list.ts";
import type { Delivery, DeliveryState } from "./delivery.ts";

/** How many deliveries are in each state that counts as in hand. */
export type InHandCounts = Record<Exclude<DeliveryState, "settled" | "lost">, number>;

/**
 * The deliveries in hand: every one that is neither settled nor lost.
 *
 * They are linked rather than in a Set: each of the tables that a Set goes through refers to the next, so that
 * one which has grown old keeps all that came after in memory until the next full collection.
 */
export class InHand {
  readonly #deliveries = new LinkedList<Delivery>();
  readonly #counts: InHandCounts = { received: 0, waiting: 0, running: 0, settling: 0 };
  /** Waiting for no delivery to be settling; emptied when that comes true. */
  #onSettled: (() => void)[] = [];

  /** Takes in a delivery that SQS has just handed out. */
  add(delivery: Delivery): void {
    this.#deliveries.append(delivery);
    this.#counts.received += 1;
  }

  /** Follows a move; true when the delivery has left our hands by it. */
  follow(delivery: Delivery, from: DeliveryState): boolean {
    const { state } = delivery;
    if (from !== "settled" && from !== "lost") this.#counts[from] -= 1;
    const left = state === "settled" || state === "lost";
    if (left) this.#deliveries.remove(delivery);
    else this.#counts[state] += 1;
    if (this.#counts.settling === 0 && this.#onSettled.length > 0) {
      const callbacks = this.#onSettled;
      this.#onSettled = [];
      for (const callback of callbacks) callback();
    }
    return left;
  }

  /** Resolves once no delivery is settling. */
  whenNoneSettling(): Promise<void> {
    if (this.#counts.settling === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onSettled.push(resolve));
  }

  get size(): number {
    return this.#deliveries.size;
  }

  get counts(): Readonly<InHandCounts> {
    return this.#counts;
  }

  /** Those in hand now, the oldest first. Who moves them on meanwhile may find one that has left. */
  [Symbol.iterator](): Iterator<Delivery> {
    const deliveries: Delivery[] = [];
    for (let at = this.#deliveries.first; at !== undefined; at = at.next) deliveries.push(at);
    return deliveries.values();
  }
}
