/**
 * Owns the permits: how many deliveries may be in hand at once. It never says who gets them or when.
 */

/** A fixed number of permits, taken before a receive and given back one by one. */
export class Permits {
  readonly total: number;
  #free: number;

  constructor(total: number) {
    this.total = total;
    this.#free = total;
  }

  get free(): number {
    return this.#free;
  }

  /** Takes `count` permits; the caller has seen that as many are free. */
  take(count: number): void {
    if (count > this.#free) throw new Error(`took ${count} permits of ${this.#free}`);
    this.#free -= count;
  }

  /** Gives `count` permits back. More than were taken is a defect, and said at once. */
  give(count: number): void {
    this.#free += count;
    if (this.#free > this.total) throw new Error(`${this.#free} permits free of ${this.total}`);
  }
}
