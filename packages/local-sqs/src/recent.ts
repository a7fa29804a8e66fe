/**
 * Owns what a FIFO queue remembers for five minutes: the deduplication ids of sends, the attempt ids of
 * receives. It never keeps anything longer than the first call after its time.
 */
import { deduplicationMs } from "./limits.ts";
import { LinkedList } from "./linked-list.ts";
import type { Link } from "./linked-list.ts";

interface Entry<T> extends Link<Entry<T>> {
  readonly key: string;
  readonly value: T;
  readonly untilMs: number;
}

/** A map that forgets each entry five minutes after it was put in. */
export class Recent<T> {
  readonly #byKey = new Map<string, Entry<T>>();
  /** Oldest first. */
  readonly #entries = new LinkedList<Entry<T>>();

  find(key: string, nowMs: number): T | undefined {
    for (let { first } = this.#entries; first !== undefined && first.untilMs <= nowMs;) {
      this.#forget(first);
      ({ first } = this.#entries);
    }
    return this.#byKey.get(key)?.value;
  }

  /** Puts an entry in, in place of one of the same key. */
  remember(key: string, value: T, nowMs: number): void {
    const before = this.#byKey.get(key);
    if (before !== undefined) this.#forget(before);
    const untilMs = nowMs + deduplicationMs;
    const entry: Entry<T> = { key, value, untilMs, previous: undefined, next: undefined };
    this.#entries.push(entry);
    this.#byKey.set(key, entry);
  }

  #forget(entry: Entry<T>): void {
    this.#entries.remove(entry);
    this.#byKey.delete(entry.key);
  }
}
