/**
 * Owns what a channel's two halves share: the buffer, who waits on either side, and whether it is open.
 * It never runs user code: settling a promise only queues what awaits it.
 */
import { OptionError } from "../errors.ts";
import { ChannelClosedError } from "./errors.ts";
import type { TryReceiveResult, TrySendResult, WaitOptions } from "./halves.ts";
import { Ring } from "./ring.ts";
import { Waiters } from "./waiters.ts";

/**
 * The states, and what moves between them:
 *
 * | state   | entered                                                  | sends   | receives            |
 * |---------|----------------------------------------------------------|---------|---------------------|
 * | open    | at the start                                             | taken   | served, or wait     |
 * | closing | close() while values are buffered or sends wait          | refused | served              |
 * | closed  | close() while empty, the last value out of closing (or   | refused | refused             |
 * |         | the last waiting send aborted), cancel() from anywhere   |         |                     |
 *
 * Two things hold whenever no method is running; each method below leans on them:
 * - while a receive waits, the buffer is empty and no send waits, and the state is open;
 * - while a send waits, the buffer is full.
 */
export class Exchange<T> {
  readonly capacity: number;
  readonly #buffer = new Ring<T>();
  readonly #senders = new Waiters<void, T>();
  readonly #receivers = new Waiters<T, undefined>();
  /** Set once, by close and cancel. */
  #refusesSends = false;

  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 0) {
      throw new OptionError("capacity", "an integer of at least 0", capacity);
    }
    this.capacity = capacity;
  }

  get size(): number {
    return this.#buffer.size;
  }

  get waitingSenders(): number {
    return this.#senders.count;
  }

  get waitingReceivers(): number {
    return this.#receivers.count;
  }

  get closedForSend(): boolean {
    return this.#refusesSends;
  }

  get closedForReceive(): boolean {
    return this.#refusesSends && this.#buffer.size === 0 && this.#senders.count === 0;
  }

  send(value: T, options: WaitOptions | undefined): Promise<void> {
    const signal = options?.signal;
    if (signal?.aborted) return rejected(signal.reason);
    const result = this.trySend(value);
    if (result === "sent") return Promise.resolve();
    if (result === "closed") return rejected(new ChannelClosedError());
    return this.#senders.wait(value, signal);
  }

  trySend(value: T): TrySendResult {
    if (this.#refusesSends) return "closed";
    const receiver = this.#receivers.take();
    if (receiver !== undefined) {
      receiver.resolve(value);
      return "sent";
    }
    if (this.#buffer.size >= this.capacity) return "full";
    this.#buffer.push(value);
    return "sent";
  }

  receive(options: WaitOptions | undefined): Promise<T> {
    const signal = options?.signal;
    if (signal?.aborted) return rejected(signal.reason);
    const result = this.tryReceive();
    if (result.status === "received") return Promise.resolve(result.value);
    if (result.status === "closed") return rejected(new ChannelClosedError());
    return this.#receivers.wait(undefined, signal);
  }

  tryReceive(): TryReceiveResult<T> {
    if (this.#buffer.size > 0) {
      const value = this.#buffer.shift();
      const sender = this.#senders.take();
      if (sender !== undefined) {
        this.#buffer.push(sender.held);
        sender.resolve();
      }
      return { status: "received", value };
    }
    // Nothing buffered and yet a sender: a rendezvous.
    const sender = this.#senders.take();
    if (sender !== undefined) {
      sender.resolve();
      return { status: "received", value: sender.held };
    }
    return this.#refusesSends ? { status: "closed" } : { status: "empty" };
  }

  close(): void {
    this.#refusesSends = true;
    rejectAll(this.#receivers);
  }

  cancel(): T[] {
    this.#refusesSends = true;
    rejectAll(this.#senders);
    rejectAll(this.#receivers);
    return this.#buffer.drain();
  }
}

function rejectAll<Result, Held>(waiters: Waiters<Result, Held>): void {
  for (let waiter = waiters.take(); waiter !== undefined; waiter = waiters.take()) {
    waiter.reject(new ChannelClosedError());
  }
}

/** Rejects with an abort's reason, which may be anything at all. */
function rejected(reason: unknown): Promise<never> {
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a signal's reason is passed on as it is
  return Promise.reject(reason);
}
