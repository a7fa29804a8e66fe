/**
 * Owns the service's waiting for time: many alarms, one timer. It never knows what an alarm is for.
 */
import type { Clock, Timer } from "millrace";
import { Heap, HeapNode } from "./heap.ts";

/** Something to be done at a time; made with {@link newAlarm}, set and cleared through {@link Alarms}. */
export type Alarm = HeapNode<() => void>;

/** An alarm that is not set. `ring` must not throw. */
export function newAlarm(ring: () => void): Alarm {
  return new HeapNode(ring);
}

/**
 * Rings alarms when their time has come, by the clock's monotonic time. The clock holds at most one
 * timer of it, and none while no alarm is set.
 */
export class Alarms {
  readonly #clock: Clock;
  readonly #heap = new Heap<() => void>();
  #timer: Timer | undefined;
  /** When the timer fires. It may be earlier than the first alarm: one that was cleared leaves it be. */
  #timerAtMs = Infinity;
  /** While alarms ring, those that they set are seen by the loop that rings them. */
  #ringing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets an alarm, or sets it anew. One whose time has passed rings as soon as the clock lets it. */
  set(alarm: Alarm, atMs: number): void {
    if (alarm.position >= 0 && alarm.key === atMs) return;
    this.#heap.set(alarm, atMs);
    this.#arm();
  }

  clear(alarm: Alarm): void {
    if (alarm.position < 0) return;
    this.#heap.remove(alarm);
    if (this.#heap.size === 0) this.#disarm();
  }

  /** Clears all alarms. */
  close(): void {
    this.#heap.clear();
    this.#disarm();
  }

  #arm(): void {
    const { first } = this.#heap;
    if (this.#ringing || first === undefined || first.key >= this.#timerAtMs) return;
    this.#disarm();
    this.#timerAtMs = first.key;
    this.#timer = this.#clock.setTimer(() => this.#ring(), first.key - this.#clock.monotonicMs());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #ring(): void {
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    this.#ringing = true;
    const nowMs = this.#clock.monotonicMs();
    for (let { first } = this.#heap; first !== undefined && first.key <= nowMs;) {
      this.#heap.remove(first);
      first.item();
      ({ first } = this.#heap);
    }
    this.#ringing = false;
    this.#arm();
  }
}
