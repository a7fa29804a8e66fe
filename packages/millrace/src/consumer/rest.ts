/**
 * Owns the receiver's pauses: after failures, after answers that came too soon, and while limits allow
 * nothing. It never polls.
 */
import type { Clock, Timer } from "../clock.ts";

/** A pause that can be made longer, and is never cut short but by its end for good. */
export class Rest {
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  /** Set while resting. */
  #timer: Timer | undefined;
  #untilMs = 0;
  #cancelled = false;

  /** @param onEnd called when a pause is over. */
  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  get resting(): boolean {
    return this.#timer !== undefined;
  }

  /** What is left of the pause, in ms. */
  get leftMs(): number {
    return this.resting ? this.#untilMs - this.#clock.monotonicMs() : 0;
  }

  /** Rests for `ms` at least. */
  atLeast(ms: number): void {
    const untilMs = this.#clock.monotonicMs() + ms;
    if (this.#cancelled || (this.resting && untilMs <= this.#untilMs)) return;
    this.#timer?.cancel();
    this.#untilMs = untilMs;
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined;
      this.#onEnd();
    }, ms);
  }

  /** Ends resting for good. */
  cancel(): void {
    this.#cancelled = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
