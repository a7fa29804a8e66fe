/**
 * Owns time in tests: a clock that stands still until it is told to go on. It never lets real time
 * into what runs on it.
 */
import { setImmediate } from "node:timers";
import { clampDelay } from "../clock.ts";
import type { Clock, Timer } from "../clock.ts";

interface Entry extends Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A {@link Clock} under the test's control. `now` and `monotonicMs` advance together.
 *
 * @example
 * const clock = new VirtualClock();
 * const slept = sleep(clock, 60_000);
 * await clock.advance(60_000);
 * await slept;
 */
export class VirtualClock implements Clock {
  readonly #epochMs: number;
  #elapsedMs = 0;
  #order = 0;
  /** A binary heap by due time, then by order of setting. Cancelled entries leave it when they surface. */
  readonly #heap: Entry[] = [];
  readonly #live = new Set<Entry>();

  /** @param epochMs the wall-clock time at which it begins, in ms since the epoch. */
  constructor(epochMs: number = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const entry: Entry = {
      dueMs: this.#elapsedMs + clampDelay(delayMs),
      order: this.#order++,
      callback,
      cancel: () => {
        this.#live.delete(entry);
      },
    };
    this.#live.add(entry);
    push(this.#heap, entry);
    return entry;
  }

  /** Timers that are set and have not fired. After a test it should be 0. */
  get pendingTimers(): number {
    return this.#live.size;
  }

  /** When the next timer is due, in ms from now, or undefined when none is set. */
  nextTimerMs(): number | undefined {
    const next = this.#peek();
    return next === undefined ? undefined : Math.max(0, next.dueMs - this.#elapsedMs);
  }

  /**
   * Lets `ms` pass: fires every timer due by then, in order, and lets the promises that each one
   * resolved run dry before the next.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms;
    await this.settle();
    for (let next = this.#peek(); next !== undefined && next.dueMs <= until; next = this.#peek()) {
      pop(this.#heap);
      this.#live.delete(next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.callback();
      await this.settle();
    }
    this.#elapsedMs = until;
  }

  /**
   * Lets time pass, timer by timer, until `condition` holds.
   *
   * @throws Error when it does not hold within `withinMs` (default one day), or no timer is left that could bring it.
   */
  async advanceUntil(condition: () => boolean, withinMs = 86_400_000): Promise<void> {
    const until = this.#elapsedMs + withinMs;
    await this.settle();
    while (!condition()) {
      const next = this.#peek();
      if (next === undefined) throw new Error("nothing is left to happen, and it has not happened");
      if (next.dueMs > until) throw new Error(`it has not happened within ${withinMs} ms`);
      await this.advance(Math.max(0, next.dueMs - this.#elapsedMs));
    }
  }

  /** Lets everything run that needs no time: promises, and what they start in turn. */
  settle(): Promise<void> {
    // An immediate runs after the microtask queue is empty, however long the chain in it was.
    return new Promise((resolve) => void setImmediate(resolve));
  }

  #peek(): Entry | undefined {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (this.#live.has(next)) return next;
      pop(this.#heap);
    }
    return undefined;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  for (let parent = heap[(index - 1) >> 1]; index > 0 && parent !== undefined;) {
    if (!before(entry, parent)) break;
    heap[index] = parent;
    index = (index - 1) >> 1;
    parent = heap[(index - 1) >> 1];
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const left = heap[2 * index + 1];
    const right = heap[2 * index + 2];
    const rightFirst = left !== undefined && right !== undefined && before(right, left);
    const child = rightFirst ? right : left;
    if (child === undefined || !before(child, last)) break;
    heap[index] = child;
    index = 2 * index + (rightFirst ? 2 : 1);
  }
  heap[index] = last;
}
