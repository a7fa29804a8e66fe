/**
 * Owns whose turn it is among values that share a key: one of each lane at a time, in the order they came.
 * It never runs what has its turn, and keeps nothing of a lane that is empty.
 */
import { Ring } from "./ring.ts";

/**
 * Lanes by key. Each has one value whose turn it is, and behind it those that wait for theirs. Values are
 * never undefined.
 *
 *     "a"    a1 │ a2  a3        leave("a") gives a2 its turn
 *     "b"    b1 │               leave("b") is the end of lane "b"
 *
 * Every method takes constant time and memory, but {@link takeWaiting}, which takes as much as it brings.
 * A lane in which nothing waits costs an entry of a map, and is gone with its last value: a million keys
 * leave no trace.
 */
export class Lanes<Key, T> {
  /** What waits in each lane; undefined while nothing ever has. */
  readonly #lanes = new Map<Key, Ring<T> | undefined>();

  /** Lanes that hold something. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Adds a value at the end of its lane; true when it has its turn at once. */
  enter(key: Key, value: T): boolean {
    let waiting = this.#lanes.get(key);
    if (waiting === undefined) {
      if (!this.#lanes.has(key)) {
        this.#lanes.set(key, undefined);
        return true;
      }
      waiting = new Ring();
      this.#lanes.set(key, waiting);
    }
    waiting.push(value);
    return false;
  }

  /**
   * Ends the turn, whoever shared it. Answers the next value, which has its turn now; undefined when none
   * waits, and the lane is gone.
   */
  leave(key: Key): T | undefined {
    const next = this.join(key);
    if (next === undefined) this.#lanes.delete(key);
    return next;
  }

  /** Takes out the first of those that wait in a lane, to share the turn; undefined when none waits. */
  join(key: Key): T | undefined {
    const waiting = this.#lanes.get(key);
    return waiting === undefined || waiting.size === 0 ? undefined : waiting.shift();
  }

  /** The first of those that wait in a lane; undefined when none waits. */
  first(key: Key): T | undefined {
    return this.#lanes.get(key)?.peek();
  }

  /** Takes out all that wait in a lane, in order. The value that has its turn keeps it. */
  takeWaiting(key: Key): T[] {
    return this.#lanes.get(key)?.drain() ?? [];
  }
}
