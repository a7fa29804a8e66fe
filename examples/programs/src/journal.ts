/**
 * Owns how much of what happens is told: every event a line, or, when there are more than eyes can follow,
 * one line a second for all of them. It never knows what the events mean.
 */
import { systemClock } from "millrace";
import type { Clock, Timer } from "millrace";
import { formatNumber } from "./screen.ts";
import type { Screen, Tone } from "./screen.ts";

export interface JournalOptions {
  readonly screen: Screen;
  /** Whether every event is to have its line, however many there are: --verbose. Undefined: there is no such option. */
  readonly verbose?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** Something that happened. */
export interface Entry {
  readonly who: string;
  readonly what: string;
  readonly tone?: Tone;
  /** What it is counted as in the line for all: `sent`, `worker finished`. */
  readonly kind: string;
  /** How many of these it stands for. Default 1. */
  readonly count?: number;
  /** Whether a few a second are told in any case. */
  readonly notable?: boolean;
}

const secondMs = 1_000;
/** Lines a second from which on they are summed up, some eight terminals full, and below which they are not any more. */
const tooMany = 400;
const fewAgain = 200;
/** Notable entries a second that are told also then. */
const maxNotable = 5;

/**
 * | mode | meaning | left when |
 * |---|---|---|
 * | each | every entry is a line | a second has more than {@link tooMany} of them |
 * | summed | one line at the end of a second, and some notable entries | a second has had fewer than {@link fewAgain} |
 *
 * Seconds are counted from the first entry after a quiet one.
 */
export class Journal implements Disposable {
  readonly #screen: Screen;
  readonly #verbose: boolean | undefined;
  readonly #clock: Clock;
  #mode: "each" | "summed" = "each";
  /** Set while a second is being counted. */
  #second: Timer | undefined;
  /** Entries of this second, and those of them that were told. Written by add, reset at its end. */
  #entries = 0;
  #notable = 0;
  /** What was not told in this second, by kind. Kinds stay, so that their order does. */
  readonly #untold = new Map<string, number>();

  constructor(options: JournalOptions) {
    this.#screen = options.screen;
    this.#verbose = options.verbose;
    this.#clock = options.clock ?? systemClock;
  }

  add(entry: Entry): void {
    const { who, what, kind, count = 1, tone, notable = false } = entry;
    if (this.#verbose !== true) {
      this.#second ??= this.#clock.setTimer(() => this.#endSecond(), secondMs);
      this.#entries += 1;
      if (this.#mode === "each" && this.#entries > tooMany) {
        this.#mode = "summed";
        const hint = this.#verbose === undefined ? "" : " (--verbose: each)";
        const text = `more than ${tooMany} lines a second: now one a second for all${hint}`;
        this.#screen.line("…", text, "quiet");
      }
      if (notable) this.#notable += 1;
      if (this.#mode === "summed" && !(notable && this.#notable <= maxNotable)) {
        this.#untold.set(kind, (this.#untold.get(kind) ?? 0) + count);
        return;
      }
    }
    this.#screen.line(who, what, tone);
  }

  /** Tells what was not told yet. Entries may be added again. */
  flush(): void {
    this.#second?.cancel();
    this.#second = undefined;
    this.#tellUntold();
    this.#entries = 0;
    this.#notable = 0;
  }

  [Symbol.dispose](): void {
    this.flush();
  }

  #endSecond(): void {
    if (this.#entries < fewAgain) this.#mode = "each";
    this.flush();
  }

  #tellUntold(): void {
    const parts: string[] = [];
    for (const [kind, count] of this.#untold) {
      if (count > 0) parts.push(`${kind} ${formatNumber(count)}`);
      this.#untold.set(kind, 0);
    }
    if (parts.length > 0) this.#screen.line("…", parts.join(", "));
  }
}
