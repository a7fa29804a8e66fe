/**
 * Owns the messages of one queue: every change of their state, and what time does to them. It never
 * decides on a change; the queue does.
 */
import type { Backlog } from "./backlog.ts";
import { Heap } from "./heap.ts";
import { StoredMessage } from "./message.ts";
import type { MessageContent, MessageOrigin, MessageState } from "./message.ts";

/** How many messages are in each state; nothing counts those that are gone. */
export type MessageCounts = Readonly<Record<Exclude<MessageState, "gone">, number>>;

/**
 * Messages by number, by when their state ends by itself, by age, and in the order of the backlog. No
 * method looks at more messages than it changes.
 */
export class MessageStore {
  readonly #backlog: Backlog;
  readonly #byNumber = new Map<number, StoredMessage>();
  /** Delayed and in flight, by when that ends. */
  readonly #due = new Heap<StoredMessage>();
  /** All, oldest first. */
  readonly #ages = new Heap<StoredMessage>();
  readonly #counts: Record<MessageState, number> = { delayed: 0, visible: 0, inFlight: 0, gone: 0 };

  constructor(backlog: Backlog) {
    this.#backlog = backlog;
  }

  get counts(): MessageCounts {
    return this.#counts;
  }

  get(serial: number): StoredMessage | undefined {
    return this.#byNumber.get(serial);
  }

  /** All of them, in order of arrival; they may be dropped meanwhile. */
  all(): Iterable<StoredMessage> {
    return this.#byNumber.values();
  }

  /** The visible message that is to be received next. See {@link Backlog.next}. */
  next(after: StoredMessage | undefined, nowMs: number): StoredMessage | undefined {
    return this.#backlog.next(after, nowMs);
  }

  /** @param delayMs how long it stays delayed; 0 for not at all. */
  insert(
    content: MessageContent,
    serial: number,
    origin: MessageOrigin,
    delayMs: number,
    nowMs: number,
  ): void {
    const message = new StoredMessage(content, serial, origin);
    if (delayMs > 0) {
      message.state = "delayed";
      this.#due.set(message.due, nowMs + delayMs);
    }
    this.#counts[message.state] += 1;
    this.#byNumber.set(serial, message);
    this.#ages.set(message.age, origin.retainedFromMs);
    this.#backlog.add(message, nowMs);
  }

  /** Takes a message out of sight, or says anew until when it is. */
  hide(message: StoredMessage, state: "delayed" | "inFlight", untilMs: number): void {
    this.#due.set(message.due, untilMs);
    if (message.state !== state) this.#move(message, state);
  }

  drop(message: StoredMessage): void {
    this.#due.remove(message.due);
    this.#ages.remove(message.age);
    this.#byNumber.delete(message.serial);
    this.#move(message, "gone");
  }

  /** Shows what has become visible by now, and drops what is too old. */
  lapse(nowMs: number, retentionMs: number): void {
    for (let { first } = this.#due; first !== undefined && first.key <= nowMs;) {
      const message = first.item;
      this.#due.remove(first);
      if (message.duplicate && message.state === "inFlight") this.drop(message);
      else this.#move(message, "visible");
      ({ first } = this.#due);
    }
    const bornBeforeMs = nowMs - retentionMs;
    for (let { first } = this.#ages; first !== undefined && first.key <= bornBeforeMs;) {
      this.drop(first.item);
      ({ first } = this.#ages);
    }
  }

  /** When {@link lapse} will change something next, Infinity for never. */
  nextLapseMs(retentionMs: number): number {
    const dueMs = this.#due.first?.key ?? Infinity;
    return Math.min(dueMs, (this.#ages.first?.key ?? Infinity) + retentionMs);
  }

  #move(message: StoredMessage, state: MessageState): void {
    this.#backlog.leave(message);
    this.#counts[message.state] -= 1;
    message.state = state;
    this.#counts[state] += 1;
    this.#backlog.enter(message);
  }
}
