/**
 * Owns the order within lanes: which delivery may go to a worker now, and what becomes of those behind one
 * that failed. It never runs a handler, and remembers nothing of a lane that is empty.
 */
import { Lanes } from "../channel/lanes.ts";
import type { Delivery, DeliveryState } from "./delivery.ts";
import type { LaneKey } from "./order-by.ts";
import { giveBack } from "./outcome.ts";

export interface LaneKeeperParts {
  /**
   * Whether SQS itself keeps the order. Then the next of a lane has its turn when the one before it is
   * deleted: a delete that fails brings that one back, and it must not come after those behind it. A
   * standard queue may bring back what was deleted in any case, so there the handler's end is enough.
   */
  readonly fifo: boolean;
  /** Sends a delivery that has its turn towards the workers. */
  readonly forward: (delivery: Delivery) => void;
}

/** Where a delivery stands. */
interface Place {
  readonly key: LaneKey;
  /** Whether it has its turn. */
  turn: boolean;
}

/**
 * Follows the moves of deliveries that are in a lane:
 *
 * | the delivery | moves to | and then |
 * |---|---|---|
 * | has its turn | settling: acknowledged, dead-lettered | on a standard queue the next has its turn |
 * | has its turn | settling: retried, released | those behind it go back to the queue |
 * | has its turn | settled | the next has its turn |
 * | has its turn | lost | those behind it go back; the next to come has its turn once no handler runs any more |
 * | waits | settling, lost | all that wait in its lane go back: those behind it may not overtake it |
 *
 * Those that go back are released with what visibility timeout brings them back in order: 0 on a FIFO
 * queue, where SQS holds the group until the failed one is visible, and hands all of them out from there;
 * that of the failed one on a standard queue, where nothing else would hold them.
 */
export class LaneKeeper {
  readonly #parts: LaneKeeperParts;
  readonly #lanes = new Lanes<LaneKey, Delivery>();
  /** Those that are in a lane. */
  readonly #places = new Map<Delivery, Place>();

  constructor(parts: LaneKeeperParts) {
    this.#parts = parts;
  }

  /** Takes a received delivery into its lane, or past all of them when it has none. */
  enter(delivery: Delivery, key: LaneKey | undefined): void {
    if (key !== undefined) {
      const turn = this.#lanes.enter(key, delivery);
      this.#places.set(delivery, { key, turn });
      if (!turn) return;
    }
    this.#parts.forward(delivery);
  }

  /** Follows a move that was made. */
  follow(delivery: Delivery, from: DeliveryState): void {
    const place = this.#places.get(delivery);
    if (place === undefined) return;
    const { state, outcome } = delivery;
    if (!place.turn) {
      this.#giveBackWaiting(place.key, 0);
    } else if (state === "settling") {
      if (outcome?.type === "retry" || outcome?.type === "release") {
        this.#giveBackWaiting(place.key, outcome.afterSeconds ?? 0);
      }
      if (!this.#parts.fifo) this.#pass(delivery, place);
    } else if (state === "settled") {
      this.#pass(delivery, place);
    } else if (state === "lost") {
      this.#giveBackWaiting(place.key, 0);
      if (from !== "running") this.#pass(delivery, place);
    }
  }

  /** The worker has let go of a delivery: no handler of it runs any more, or it was left behind. */
  runEnded(delivery: Delivery): void {
    const place = this.#places.get(delivery);
    if (place !== undefined && delivery.state === "lost") this.#pass(delivery, place);
  }

  #pass(delivery: Delivery, { key }: Place): void {
    this.#places.delete(delivery);
    const next = this.#lanes.leave(key);
    const place = next === undefined ? undefined : this.#places.get(next);
    if (next === undefined || place === undefined) return;
    place.turn = true;
    this.#parts.forward(next);
  }

  #giveBackWaiting(key: LaneKey, afterSeconds: number): void {
    const waiting = this.#lanes.takeWaiting(key);
    for (const delivery of waiting) this.#places.delete(delivery);
    const outcome = giveBack(
      "one before it in its lane did not succeed",
      this.#parts.fifo ? 0 : afterSeconds,
    );
    for (const delivery of waiting) {
      if (delivery.state === "received") delivery.settle(outcome);
    }
  }
}
