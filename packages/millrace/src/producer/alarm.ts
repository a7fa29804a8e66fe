/**
 * Owns one timer that goes off at a moment of the clock, and is moved. It never decides when.
 */
import type { Clock, Timer } from "../clock.ts";

/** A timer by the time at which it goes off. Only the owner sets it; having gone off it is unset. */
export class Alarm {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  #atMs = Infinity;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** When it goes off, on the clock; Infinity while it is not set. */
  get atMs(): number {
    return this.#atMs;
  }

  /** Moves it; Infinity takes it back. */
  set(atMs: number): void {
    if (atMs === this.#atMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#atMs = atMs;
    if (atMs === Infinity) return;
    const goOff = (): void => {
      this.#timer = undefined;
      this.#atMs = Infinity;
      this.#onDue();
    };
    this.#timer = this.#clock.setTimer(goOff, atMs - this.#clock.monotonicMs());
  }
}
