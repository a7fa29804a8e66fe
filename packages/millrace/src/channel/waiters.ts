/**
 * Owns the callers that wait on one side of a channel, in the order they came, and their abort listeners.
 * It never decides who is served when: the channel asks for the first.
 */

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

/** The waiter with its links, which only its list writes. It is its own abort listener. */
class Node<Result, Held> implements Waiter<Result, Held> {
  readonly held: Held;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly list: Waiters<Result, Held>;
  previous: Node<Result, Held> | undefined;
  next: Node<Result, Held> | undefined;

  constructor(
    list: Waiters<Result, Held>,
    held: Held,
    signal: AbortSignal | undefined,
    resolve: (result: Result) => void,
    reject: (reason: unknown) => void,
  ) {
    this.list = list;
    this.held = held;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
  }

  handleEvent(): void {
    this.list.remove(this);
    this.reject(this.signal?.reason);
  }
}

/**
 * Waiters, first come, first served: a doubly linked list through the waiters themselves, so that joining,
 * being served and leaving on an abort each take constant time, and an aborted waiter leaves nothing behind.
 */
export class Waiters<Result, Held> {
  #first: Node<Result, Held> | undefined;
  #last: Node<Result, Held> | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /**
   * Joins at the end. The promise settles as the one who takes the waiter says, or rejects with the
   * signal's reason. The signal must not have aborted yet.
   */
  wait(held: Held, signal: AbortSignal | undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      const node = new Node(this, held, signal, resolve, reject);
      node.previous = this.#last;
      if (this.#last === undefined) this.#first = node;
      else this.#last.next = node;
      this.#last = node;
      this.#count += 1;
      signal?.addEventListener("abort", node);
    });
  }

  /** Takes the first, who is now deaf to its signal: the caller owes it a resolve or a reject. */
  take(): Waiter<Result, Held> | undefined {
    const node = this.#first;
    if (node !== undefined) this.remove(node);
    return node;
  }

  /** Unlinks a waiter of this list, and takes its listener off its signal. */
  remove(node: Node<Result, Held>): void {
    if (node.previous === undefined) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = undefined;
    node.next = undefined;
    this.#count -= 1;
    node.signal?.removeEventListener("abort", node);
  }
}
