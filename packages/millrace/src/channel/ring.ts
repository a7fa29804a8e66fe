/**
 * Owns values that wait in order: those that a channel has buffered, those of a lane, those that are to be read. It
 * never bounds them: how many there may be is for its owner to say.
 */

/** Slots of a ring that has held anything; a power of two, as every later size is. */
const firstSlots = 16;

/**
 * A first-in, first-out queue over one array, which doubles when it is full, and shrinks only by being drained.
 *
 *          head          (head + size) & mask: the next push goes here
 *           ▼             ▼
 *     ┌───┬───┬───┬───┬───┬───┬───┬───┐
 *     │   │ a │ b │ c │ d │   │   │   │     8 slots, mask 7, size 4
 *     └───┴───┴───┴───┴───┴───┴───┴───┘
 *
 *               tail      head
 *                ▼         ▼
 *     ┌───┬───┬───┬───┬───┬───┬───┬───┐
 *     │ e │ f │   │   │   │ b │ c │ d │     later: wrapped, a is gone
 *     └───┴───┴───┴───┴───┴───┴───┴───┘
 *
 * push and shift take constant time, doubling spread over the pushes that led to it.
 */
export class Ring<T> {
  /** Vacant slots hold undefined, so that the ring keeps nothing alive that was taken from it. */
  #slots: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = value;
    this.#size += 1;
  }

  /** The oldest value; undefined when there is none. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head];
  }

  /** Takes the oldest value. */
  shift(): T {
    if (this.#size === 0) throw new RangeError("shift of an empty ring");
    // The slot is occupied; where it holds undefined, undefined is the value.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type cannot tell a vacant slot from a T that is undefined
    const value = this.#slots[this.#head] as T;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size -= 1;
    return value;
  }

  /** Takes everything, oldest first, and lets go of the array. */
  drain(): T[] {
    const values: T[] = [];
    while (this.#size > 0) values.push(this.shift());
    this.#slots = [];
    this.#head = 0;
    return values;
  }

  #grow(): void {
    const { length } = this.#slots;
    // Unrolled: what had wrapped comes to stand behind the rest, and the head at 0.
    this.#slots = [...this.#slots.slice(this.#head), ...this.#slots.slice(0, this.#head)];
    this.#slots.length = Math.max(firstSlots, length * 2);
    this.#slots.fill(undefined, length);
    this.#head = 0;
  }
}
