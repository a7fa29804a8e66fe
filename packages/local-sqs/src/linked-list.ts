/**
 * Owns order of arrival: a list from whose middle anything can be taken in one step. It never allocates;
 * the links are fields of what is linked, which can therefore be in one list at a time.
 */

/** What a {@link LinkedList} can hold. The fields are the list's. */
export interface Link<T> {
  previous: T | undefined;
  next: T | undefined;
}

/** A doubly linked list through its items' own fields. */
export class LinkedList<T extends Link<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get first(): T | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends an item that is in no list. */
  push(item: T): void {
    item.previous = this.#last;
    item.next = undefined;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size += 1;
  }

  /** Takes out an item that is in this list. */
  remove(item: T): void {
    if (item.previous === undefined) this.#first = item.next;
    else item.previous.next = item.next;
    if (item.next === undefined) this.#last = item.previous;
    else item.next.previous = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.#size -= 1;
  }
}
