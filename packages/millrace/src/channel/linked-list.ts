/**
 * Owns the order of things that also leave from the middle. It never looks into what it links.
 */

/** What a thing in a {@link LinkedList} carries. Only the list writes it. */
export interface Links<N> {
  previous: N | undefined;
  next: N | undefined;
}

/**
 * A doubly linked list through the things themselves: each is in one list at a time, and joining at either
 * end and leaving from anywhere take constant time and no memory.
 */
export class LinkedList<N extends Links<N>> {
  #first: N | undefined;
  #last: N | undefined;
  #size = 0;

  get first(): N | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  append(node: N): void {
    node.previous = this.#last;
    if (this.#last === undefined) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    this.#size += 1;
  }

  prepend(node: N): void {
    node.next = this.#first;
    if (this.#first === undefined) this.#last = node;
    else this.#first.previous = node;
    this.#first = node;
    this.#size += 1;
  }

  /** Unlinks a node, which must be in this list. */
  remove(node: N): void {
    if (node.previous === undefined) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = undefined;
    node.next = undefined;
    this.#size -= 1;
  }
}
