/**
 * Owns the receiver's pauses: after failures, after answers that came too soon, and while limits allow
 * nothing. It never polls.
 */
import type { Clock, Timer } from "../clock.ts";
import { fullJitterMs } from "../random.ts";
import type { BackoffShape, Random } from "../random.ts";

const errorBackoff = { baseMs: 100, maxMs: 20_000 };
/** Between polls that come back empty sooner than they were asked to wait, short polls above all. */
const emptyBackoff = { baseMs: 100, maxMs: 1_000 };
/** Between askings of limits that allow nothing. */
const limitBackoff = { baseMs: 50, maxMs: 1_000 };

/** How a poll that was to wait came back. */
interface CameBack {
  /** How many messages it brought. */
  readonly count: number;
  readonly tookMs: number;
  readonly waitSeconds: number;
}

/**
 * A pause that can be made longer, and is never cut short but by its end for good. Each reason for one makes it
 * the longer the more often it comes in a row.
 */
export class Rest {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onEnd: () => void;
  /** Set while resting. */
  #timer: Timer | undefined;
  /** When the pause is over; written with the timer. */
  #untilMs = 0;
  /** Set by {@link cancel}. */
  #cancelled = false;
  /** Failures in a row: counted by {@link afterFailure}, reset by {@link answered}. */
  #failures = 0;
  /** When the last of those was counted. */
  #failedAtMs = 0;
  /** Answers in a row that came too soon: written by {@link afterWait}. */
  #hastyAnswers = 0;
  /** Times in a row that limits allowed nothing: counted by {@link afterRefusal}, reset by {@link allowed}. */
  #refusals = 0;

  /** @param onEnd called when a pause is over. */
  constructor(clock: Clock, random: Random, onEnd: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onEnd = onEnd;
  }

  get resting(): boolean {
    return this.#timer !== undefined;
  }

  /** What is left of the pause, in ms. */
  get leftMs(): number {
    return this.resting ? this.#untilMs - this.#clock.monotonicMs() : 0;
  }

  /** A poll failed that was opened at `openedAtMs`. Answers how many have failed in a row. */
  afterFailure(openedAtMs: number): number {
    // Polls that were open together fail together, which says no more than one of them does.
    const another = this.#failures === 0 || openedAtMs > this.#failedAtMs;
    if (another) {
      this.#failures += 1;
      this.#failedAtMs = this.#clock.monotonicMs();
    }
    if (another || !this.resting) this.#atLeast(errorBackoff, this.#failures - 1);
    return this.#failures;
  }

  /** A poll was answered: no failure goes on. */
  answered(): void {
    this.#failures = 0;
  }

  /** An empty answer that came much sooner than asked for must not be followed by another at once. */
  afterWait({ count, tookMs, waitSeconds }: CameBack): void {
    const hasty = count === 0 && tookMs < Math.max(emptyBackoff.maxMs, waitSeconds * 500);
    if (hasty) this.#atLeast(emptyBackoff, this.#hastyAnswers++);
    else this.#hastyAnswers = 0;
  }

  /** Limits allow nothing. */
  afterRefusal(): void {
    this.#atLeast(limitBackoff, this.#refusals++);
  }

  /** Limits allow something. */
  allowed(): void {
    this.#refusals = 0;
  }

  /** Ends resting for good. */
  cancel(): void {
    this.#cancelled = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Rests for what the backoff says after `before` of its kind in a row, and longer where a pause goes on. */
  #atLeast(backoff: BackoffShape, before: number): void {
    const ms = fullJitterMs(backoff, before, this.#random);
    const untilMs = this.#clock.monotonicMs() + ms;
    if (this.#cancelled || (this.resting && untilMs <= this.#untilMs)) return;
    this.#timer?.cancel();
    this.#untilMs = untilMs;
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined;
      this.#onEnd();
    }, ms);
  }
}
