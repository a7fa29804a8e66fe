/**
 * Owns the finding of a delivery's lane: reads its body where the user's `orderBy` looks into it, and asks
 * that for the key. It never decides whose turn it is.
 */
import { Ring } from "../channel/ring.ts";
import type { Clock } from "../clock.ts";
import { onRejection } from "../errors.ts";
import { waitFor } from "../sqs/wait-for.ts";
import type { ReadBody } from "./body.ts";
import type { Delivery } from "./delivery.ts";
import { BodyTimeoutError, OrderKeyError } from "./errors.ts";
import type { Message } from "./message.ts";

/** Names a lane: messages with the same key are processed one after the other. */
export type LaneKey = string | number;

/**
 * Answers the key of a message's lane, at once and without effects; undefined for a message that needs no
 * order. One that throws, or answers anything else, fails its message, which is retried.
 */
export type OrderBy<Body> = (message: Message<Body>) => LaneKey | undefined;

/** How long a schema may take that answers with a promise: those received later wait for it. */
const readWithinMs = 10_000;

export interface OrderingParts<Body> {
  readonly orderBy: OrderBy<Body>;
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
 * Finds lanes in the order in which deliveries were received. Most schemas answer at once; while one
 * takes its time, those received after it wait, since one of them might belong to the same lane.
 *
 * A body that cannot be read, or has no key, is no reason to hold anything up: its delivery goes on
 * without a lane, and {@link Ordering.read} tells its worker what is wrong with it.
 */
export class Ordering<Body> {
  readonly #parts: OrderingParts<Body>;
  /** What was found out on the way, for the worker; each entry goes with its delivery. */
  readonly #readings = new WeakMap<Delivery, Reading<Body>>();
  /** Received, and not looked at yet. */
  readonly #queue = new Ring<Delivery>();
  readonly #stopped = new AbortController();
  /** Whether a schema is taking its time. */
  #reading = false;

  constructor(parts: OrderingParts<Body>) {
    this.#parts = parts;
  }

  /** Takes in a delivery that has just been received. */
  accept(delivery: Delivery): void {
    this.#queue.push(delivery);
    if (!this.#reading) this.#next();
  }

  /** What the worker is to handle; it throws what reading the body, or asking for its key, threw. */
  read(delivery: Delivery): Message<Body> {
    const reading = this.#readings.get(delivery);
    if (reading === undefined) throw new Error("a delivery came to its worker unread");
    if (reading.ok) return reading.message;
    throw reading.thrown;
  }

  /** Ends a reading that is under way. What is in the queue has been released by then. */
  stop(): void {
    this.#stopped.abort();
  }

  #next(): void {
    while (this.#queue.size > 0) {
      const delivery = this.#queue.shift();
      // Lost or released while it waited.
      if (delivery.state !== "received") continue;
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
    this.#enter(delivery, undefined);
  }

  /** The user's code has run since the delivery was looked at: it may have stopped the consumer, which has released it. */
  #enter(delivery: Delivery, key: LaneKey | undefined): void {
    if (delivery.state === "received") this.#parts.enter(delivery, key);
  }
}

function keyOf<Body>(message: Message<Body>, orderBy: OrderBy<Body>): LaneKey | undefined {
  const key: unknown = orderBy(message);
  if (key === undefined || typeof key === "string" || typeof key === "number") return key;
  onRejection(key, () => {}); // An async function's own error says less than that it is one.
  throw new OrderKeyError(key);
}
