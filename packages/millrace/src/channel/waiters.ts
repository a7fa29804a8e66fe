/**
 * Owns the callers that wait on one side of a channel, in the order they came, and their abort listeners.
 * It never decides who is served when: the channel asks for the first.
 */
import { listen } from "./abort-listeners.ts";
import type { AbortListener, Listening } from "./abort-listeners.ts";
import { LinkedList } from "./linked-list.ts";
import type { Links } from "./linked-list.ts";

/**
 * One caller that waits. It is in its list until it is taken to be served, or its signal aborts, whichever
 * comes first; it cannot be both, since leaving the list removes the listener.
 */
export interface Waiter<Result, Held> {
  /** What it brought: a sender's value, nothing for a receiver. */
  readonly held: Held;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** The waiter as its list knows it. */
class Node<Result, Held> implements Waiter<Result, Held>, Links<Node<Result, Held>>, AbortListener {
  readonly held: Held;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
  readonly #list: LinkedList<Node<Result, Held>>;
  readonly #signal: AbortSignal | undefined;
  previous: Node<Result, Held> | undefined;
  next: Node<Result, Held> | undefined;
  /** Set by join where there is a signal. */
  #listening: Listening | undefined;

  constructor(
    list: LinkedList<Node<Result, Held>>,
    held: Held,
    signal: AbortSignal | undefined,
    resolve: (result: Result) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#list = list;
    this.held = held;
    this.#signal = signal;
    this.resolve = resolve;
    this.reject = reject;
  }

  join(): void {
    this.#list.append(this);
    if (this.#signal !== undefined) this.#listening = listen(this.#signal, this);
  }

  leave(): void {
    this.#list.remove(this);
    this.#listening?.end();
  }

  onAbort(reason: unknown): void {
    this.leave();
    this.reject(reason);
  }
}

/** Waiters, first come, first served. An aborted one leaves at once and leaves nothing behind. */
export class Waiters<Result, Held> {
  readonly #list = new LinkedList<Node<Result, Held>>();

  get count(): number {
    return this.#list.size;
  }

  /**
   * Joins at the end. The promise settles as the one who takes the waiter says, or rejects with the
   * signal's reason. The signal must not have aborted yet.
   */
  wait(held: Held, signal: AbortSignal | undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      new Node(this.#list, held, signal, resolve, reject).join();
    });
  }

  /** Takes the first, who is now deaf to its signal: the caller owes it a resolve or a reject. */
  take(): Waiter<Result, Held> | undefined {
    const node = this.#list.first;
    node?.leave();
    return node;
  }
}
