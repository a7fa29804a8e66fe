/**
 * Owns the order within lanes: which delivery may go to a worker now, and what becomes of those behind one
 * that failed. It never runs a handler, and remembers nothing of a lane that is empty.
 */
import { Lanes } from "../channel/lanes.ts";
import type { Delivery, DeliveryState } from "./delivery.ts";
import type { LaneKey } from "./order-by.ts";
import { behindFailure, giveBack, stopping } from "./outcome.ts";
import type { Release } from "./outcome.ts";

export interface LaneKeeperParts {
  /**
   * Whether SQS itself keeps the order. Then the next of a lane has its turn when the one before it is
   * deleted: a delete that fails brings that one back, and it must not come after those behind it. A
   * standard queue may bring back what was deleted in any case, so there the handler's end is enough.
   */
  readonly fifo: boolean;
  /** Sends a delivery that has its turn towards the workers. */
  readonly forward: (delivery: Delivery) => void;
  /** Told when one of a lane has failed, and what is to become of those behind it. */
  readonly broke: (key: LaneKey, outcomeOf: OutcomeBehind) => void;
}

/** What is to become of a delivery that stands behind one that failed. */
export type OutcomeBehind = (delivery: Delivery) => Release;

/** The turn of a lane: one delivery has it, or several that are handled in one batch. */
interface Turn {
  /** Those that have it and have not passed it on. */
  holders: number;
  /** Those that have joined it so far. */
  joined: number;
  /** Set when one of them fails: from which on they go back, and how. */
  broken: { readonly from: number; readonly outcomeOf: OutcomeBehind } | undefined;
}

/** Where a delivery stands. */
interface Place {
  readonly key: LaneKey;
  /** Undefined while it waits. */
  turn: Turn | undefined;
  /** Its number among those that share its turn. */
  position: number;
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
 * Those that go back are released with what visibility timeout brings them back in order: that of the failed
 * one, since nothing else would hold them. 0 only for those of its own message group on a FIFO queue: SQS holds
 * the group until the failed one is visible, and hands all of them out from there.
 *
 * A batch may take several of a lane at once, which then share the turn; when one of them fails, those after
 * it in the batch go back as well, whatever their handler said of them.
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
      const first = this.#lanes.enter(key, delivery);
      this.#places.set(delivery, { key, turn: first ? newTurn() : undefined, position: 0 });
      if (!first) return;
    }
    this.#parts.forward(delivery);
  }

  /**
   * Lets the next of a delivery's lane share its turn, so that both are handled in one batch. It is
   * `waiting` then; undefined when there is none, or it may not.
   */
  join(delivery: Delivery, may: (next: Delivery) => boolean): Delivery | undefined {
    const place = this.#places.get(delivery);
    if (place?.turn === undefined || place.turn.broken !== undefined) return undefined;
    const first = this.#lanes.first(place.key);
    if (first === undefined || !may(first)) return undefined;
    const next = this.#lanes.join(place.key);
    const joining = next === undefined ? undefined : this.#places.get(next);
    if (next === undefined || joining === undefined) return undefined;
    place.turn.holders += 1;
    joining.turn = place.turn;
    joining.position = place.turn.joined++;
    next.wait();
    return next;
  }

  /** What is to become of a delivery that shares its turn with one before it that failed; undefined when none did. */
  brokenBefore(delivery: Delivery): Release | undefined {
    const place = this.#places.get(delivery);
    const broken = place?.turn?.broken;
    return broken !== undefined && place !== undefined && place.position >= broken.from
      ? broken.outcomeOf(delivery)
      : undefined;
  }

  /** Follows a move that was made. */
  follow(delivery: Delivery, from: DeliveryState): void {
    const place = this.#places.get(delivery);
    if (place === undefined) return;
    const { state, outcome } = delivery;
    if (place.turn === undefined) {
      this.#giveBackBehind(delivery, place, 0);
    } else if (state === "settling") {
      if (outcome?.type === "retry" || outcome?.type === "release") {
        this.#giveBackBehind(delivery, place, outcome.afterSeconds ?? 0);
      }
      if (!this.#parts.fifo) this.#pass(delivery, place);
    } else if (state === "settled") {
      this.#pass(delivery, place);
    } else if (state === "lost") {
      this.#giveBackBehind(delivery, place, 0);
      if (from !== "running") this.#pass(delivery, place);
    }
  }

  /** The worker has let go of a delivery: no handler of it runs any more, or it was left behind. */
  runEnded(delivery: Delivery): void {
    const place = this.#places.get(delivery);
    if (place !== undefined && delivery.state === "lost") this.#pass(delivery, place);
  }

  #pass(delivery: Delivery, { key, turn }: Place): void {
    this.#places.delete(delivery);
    if (turn === undefined || --turn.holders > 0) return;
    const next = this.#lanes.leave(key);
    const place = next === undefined ? undefined : this.#places.get(next);
    if (next === undefined || place === undefined) return;
    place.turn = newTurn();
    this.#parts.forward(next);
  }

  /** Those that wait go back now, those that share the turn when their batch settles them. */
  #giveBackBehind(failed: Delivery, { key, turn, position }: Place, afterSeconds: number): void {
    const before = turn?.broken;
    // One that goes back behind another is not what those behind it wait for: it may itself go back with 0.
    const outcomeOf =
      before !== undefined && position >= before.from
        ? before.outcomeOf
        : this.#outcomeBehind(failed, afterSeconds);
    this.#parts.broke(key, outcomeOf);
    if (turn !== undefined && position + 1 < (before?.from ?? Infinity)) {
      turn.broken = { from: position + 1, outcomeOf };
    }
    const waiting = this.#lanes.takeWaiting(key);
    for (const delivery of waiting) this.#places.delete(delivery);
    for (const delivery of waiting) {
      if (delivery.state === "received") delivery.settle(outcomeOf(delivery));
    }
  }

  /** What becomes of those behind a delivery that comes back after `afterSeconds`. */
  #outcomeBehind(failed: Delivery, afterSeconds: number): OutcomeBehind {
    const { groupId } = failed.message;
    const { outcome } = failed;
    const stops = outcome?.type === "release" && outcome.reason === stopping;
    const reason = stops ? stopping : behindFailure;
    const held = giveBack(reason);
    const delayed = giveBack(reason, afterSeconds);
    // A key may span groups, of which SQS holds back that of the failed one alone.
    return ({ message }) => (this.#parts.fifo && message.groupId === groupId ? held : delayed);
  }
}

function newTurn(): Turn {
  return { holders: 1, joined: 1, broken: undefined };
}
