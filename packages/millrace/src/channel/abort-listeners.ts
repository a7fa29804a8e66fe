/**
 * Owns the abort listeners of everything that waits: one for each signal, however many wait on it. It never
 * touches a signal on which nobody waits.
 *
 * A signal that stops a whole service is shared by all its waits. With a listener for each of them Node would
 * warn of a leak from the eleventh on, and adding one costs more than the rest of a wait.
 */

/** One that waits. Must not throw, and must not be told twice: it stops listening when it is told. */
export interface AbortListener {
  onAbort(reason: unknown): void;
}

/** Everyone who listens to one signal, in the order they began. */
class Audience {
  readonly #signal: AbortSignal;
  readonly #listeners = new Set<AbortListener>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(listener: AbortListener): void {
    if (this.#listeners.size === 0) this.#signal.addEventListener("abort", this);
    this.#listeners.add(listener);
  }

  delete(listener: AbortListener): void {
    const removed = this.#listeners.delete(listener);
    if (removed && this.#listeners.size === 0) this.#signal.removeEventListener("abort", this);
  }

  handleEvent(): void {
    for (const listener of this.#listeners) listener.onAbort(this.#signal.reason);
  }
}

const audiences = new WeakMap<AbortSignal, Audience>();

/** Lets `listener` be told when a signal aborts that has not aborted yet. */
export function listen(signal: AbortSignal, listener: AbortListener): void {
  let audience = audiences.get(signal);
  if (audience === undefined) {
    audience = new Audience(signal);
    audiences.set(signal, audience);
  }
  audience.add(listener);
}

/** Ends what {@link listen} began. */
export function unlisten(signal: AbortSignal, listener: AbortListener): void {
  audiences.get(signal)?.delete(listener);
}
