/**
 * Owns what the handlers pretend, so that there is something to watch: that their work takes a while, and
 * that some of it fails. It never touches a message.
 */
import { sleep, systemClock, systemRandom } from "millrace";
import type { Clock, Random } from "millrace";

export interface PretendedWorkOptions {
  /** How long a run takes on average, in ms, 0 or more. Each takes half of it to one and a half times. */
  readonly workMs: number;
  /** The share of runs that throw, 0 to 1. */
  readonly failShare: number;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export class PretendedWork {
  readonly #workMs: number;
  readonly #failShare: number;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Failures that are due; at 1, the run that made it so fails. Written by run. */
  #owed = 0;

  constructor(options: PretendedWorkOptions) {
    this.#workMs = options.workMs;
    this.#failShare = options.failShare;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
  }

  /**
   * Takes its time, then fails if it is this one's turn: with a share of 0.2 every fifth.
   *
   * @throws Error, as asked for; the signal's reason.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#owed += this.#failShare;
    // A sum of fractions falls a little short of 1.
    const fails = this.#owed > 1 - 1e-9;
    if (fails) this.#owed -= 1;
    if (this.#workMs > 0) {
      await sleep(this.#clock, this.#workMs * (0.5 + this.#random()), signal);
    }
    if (fails) throw new Error("a pretended failure (--fail)");
  }
}
