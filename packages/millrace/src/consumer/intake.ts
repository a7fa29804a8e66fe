/**
 * Owns the reading of bodies ahead of the workers, where something depends on it: the lane that a message
 * belongs to, or the batch that one with a refused body must not be part of. It never decides whose turn it is.
 */
import { Ring } from "../channel/ring.ts";
import type { Clock } from "../clock.ts";
import { waitFor } from "../sqs/wait-for.ts";
import type { ReadBody } from "./body.ts";
import { BrokenLanes } from "./broken-lanes.ts";
import type { Delivery } from "./delivery.ts";
import { BodyTimeoutError } from "./errors.ts";
import type { OutcomeBehind } from "./lane-keeper.ts";
import type { Message } from "./message.ts";
import { keyOf } from "./order-by.ts";
import type { LaneKey, OrderBy } from "./order-by.ts";
import { behindFailure, giveBack } from "./outcome.ts";

/** How long a schema may take that answers with a promise: those received later wait for it. */
const readWithinMs = 10_000;

/** What becomes of those behind one that went away unread. */
const behind = giveBack(behindFailure);

export interface IntakeParts<Body> {
  readonly orderBy: OrderBy<Body>;
  /** The lane of a message whose body was refused, or for which `orderBy` has no answer. */
  readonly laneOfRefused: (message: Message<unknown>) => LaneKey | undefined;
  readonly read: ReadBody<Body>;
  readonly clock: Clock;
  /** Takes the delivery on, into the lane of that key or into none. */
  readonly enter: (delivery: Delivery, key: LaneKey | undefined) => void;
}

/** What became of a body, or of the asking for its key. */
type Reading<Body> =
  | { readonly ok: true; readonly message: Message<Body> }
  | { readonly ok: false; readonly thrown: unknown };

/**
 * Takes deliveries on in the order in which they were received. Most schemas answer at once; while one
 * takes its time, those received after it wait, since one of them might belong to the same lane.
 *
 * What is still to be read belongs to its lane all the same: when one of that lane fails meanwhile, it goes back
 * as soon as its lane is known.
 *
 * A body that cannot be read, or has no key, is no reason to hold anything up: its delivery goes on, and
 * {@link Intake.read} tells its worker what is wrong with it.
 */
export class Intake<Body> {
  readonly #parts: IntakeParts<Body>;
  /** What was found out on the way, for the worker; each entry goes with its delivery. */
  readonly #readings = new WeakMap<Delivery, Reading<Body>>();
  /** Received, and not looked at yet. */
  readonly #queue = new Ring<Delivery>();
  readonly #stopped = new AbortController();
  /** Whether a schema is taking its time. */
  #reading = false;
  /** How many were taken in, and how many of those were looked at: the number of the one that is looked at now. */
  #accepted = 0;
  #looked = 0;
  readonly #broken = new BrokenLanes();

  constructor(parts: IntakeParts<Body>) {
    this.#parts = parts;
  }

  /** Takes in a delivery that has just been received. */
  accept(delivery: Delivery): void {
    this.#accepted += 1;
    this.#queue.push(delivery);
    if (!this.#reading) this.#next();
  }

  /** One of that lane failed: those received after it go back with these outcomes, once it is known which they are. */
  broke(key: LaneKey, outcomeOf: OutcomeBehind): void {
    if (this.#reading) this.#broken.break(key, this.#accepted, outcomeOf);
  }

  /** What the worker is to handle; it throws what reading the body, or asking for its key, threw. */
  read(delivery: Delivery): Message<Body> {
    const reading = this.#readings.get(delivery);
    if (reading === undefined) throw new Error("a delivery came to its worker unread");
    if (reading.ok) return reading.message;
    throw reading.thrown;
  }

  /** Whether {@link read} throws. */
  isRefused(delivery: Delivery): boolean {
    return this.#readings.get(delivery)?.ok === false;
  }

  /** Ends a reading that is under way. What is in the queue has been released by then. */
  stop(): void {
    this.#stopped.abort();
  }

  #next(): void {
    while (this.#queue.size > 0) {
      const delivery = this.#queue.shift();
      this.#looked += 1;
      this.#broken.forgetBefore(this.#looked);
      // Lost or released while it waited: those behind it may not overtake it.
      if (delivery.state !== "received") {
        this.#wentAway(this.#parts.laneOfRefused(delivery.message));
        continue;
      }
      try {
        const reading = this.#parts.read(delivery.message);
        if (reading instanceof Promise) {
          void this.#later(delivery, reading);
          return;
        }
        this.#found(delivery, reading);
      } catch (thrown) {
        this.#failed(delivery, thrown);
      }
    }
    this.#broken.forgetBefore(Infinity);
  }

  /** Never rejects. */
  async #later(delivery: Delivery, reading: Promise<Message<Body>>): Promise<void> {
    const { clock } = this.#parts;
    this.#reading = true;
    try {
      const message = await waitFor(reading, {
        clock,
        timeoutMs: readWithinMs,
        signal: this.#stopped.signal,
        onTimeout: () => new BodyTimeoutError(readWithinMs),
      });
      this.#found(delivery, message);
    } catch (thrown) {
      this.#failed(delivery, thrown);
    }
    this.#reading = false;
    this.#next();
  }

  #found(delivery: Delivery, message: Message<Body>): void {
    delivery.setMessage(message);
    this.#readings.set(delivery, { ok: true, message });
    this.#enter(delivery, keyOf(message, this.#parts.orderBy));
  }

  #failed(delivery: Delivery, thrown: unknown): void {
    this.#readings.set(delivery, { ok: false, thrown });
    this.#enter(delivery, this.#parts.laneOfRefused(delivery.message));
  }

  /** The user's code has run since the delivery was looked at: it may have stopped the consumer, which has released it. */
  #enter(delivery: Delivery, key: LaneKey | undefined): void {
    const outcomeOf = key === undefined ? undefined : this.#broken.outcomeAt(key, this.#looked);
    if (delivery.state !== "received") this.#wentAway(key);
    else if (outcomeOf !== undefined) delivery.settle(outcomeOf(delivery));
    else this.#parts.enter(delivery, key);
  }

  #wentAway(key: LaneKey | undefined): void {
    if (key === undefined || this.#queue.size === 0) return;
    // Behind one that failed before it, they come back with that one.
    const outcomeOf = this.#broken.outcomeAt(key, this.#looked) ?? (() => behind);
    this.#broken.break(key, this.#accepted, outcomeOf);
  }
}
