/**
 * Owns the abort listeners of those who wait in numbers: one for each signal, however many wait on it. It never
 * touches a signal on which nobody waits.
 *
 * Those are the waits at a channel, the sends of a producer and the calls to SQS. What waits once in a while,
 * such as a sleep or the asking of limits, adds a listener of its own to the signal, and removes it.
 *
 * A signal that stops a whole service is shared by all its waits. With a listener for each of them Node would
 * warn of a leak from the eleventh on, adding one costs more than the rest of a wait, and one that was removed
 * still refers to those added after it: once it has grown old it keeps them, and all that they wait with, in
 * memory until the next full collection.
 */
import { LinkedList } from "./linked-list.ts";
import type { Links } from "./linked-list.ts";

/** One that waits. Must not throw. */
export interface AbortListener {
  onAbort(reason: unknown): void;
}

/** One that listens, from {@link listen} until its signal aborts or it ends. */
export class Listening implements Links<Listening> {
  readonly listener: AbortListener;
  readonly #audience: Audience;
  /** Its neighbours in the audience. */
  previous: Listening | undefined;
  next: Listening | undefined;
  /** Set by {@link end}. */
  #ended = false;

  constructor(listener: AbortListener, audience: Audience) {
    this.listener = listener;
    this.#audience = audience;
  }

  /** Stops listening. It has stopped already when it is told of an abort. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#audience.remove(this);
  }
}

/** Everyone who listens to one signal, in the order they began. */
class Audience {
  readonly #signal: AbortSignal;
  readonly #list = new LinkedList<Listening>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(listener: AbortListener): Listening {
    if (this.#list.size === 0) this.#signal.addEventListener("abort", this);
    const listening = new Listening(listener, this);
    this.#list.append(listening);
    return listening;
  }

  remove(listening: Listening): void {
    this.#list.remove(listening);
    if (this.#list.size === 0) this.#signal.removeEventListener("abort", this);
  }

  handleEvent(): void {
    const list = this.#list;
    for (let first = list.first; first !== undefined; first = list.first) {
      first.end();
      first.listener.onAbort(this.#signal.reason);
    }
  }
}

const audiences = new WeakMap<AbortSignal, Audience>();

/** Lets `listener` be told once when a signal aborts that has not aborted yet. */
export function listen(signal: AbortSignal, listener: AbortListener): Listening {
  let audience = audiences.get(signal);
  if (audience === undefined) {
    audience = new Audience(signal);
    audiences.set(signal, audience);
  }
  return audience.add(listener);
}
