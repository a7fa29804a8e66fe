/**
 * Owns the watch over the npm that started a program, for the one signal that npm cannot pass on: SIGKILL.
 * It never ends anything itself.
 */
import { systemClock } from "millrace";
import type { Clock, Timer } from "millrace";
import { ancestors } from "./ancestors.ts";
import type { Ancestor } from "./ancestors.ts";

const lookEveryMs = 1_000;

/** Whether npm started this program: it says so to what it runs. */
export function isUnderNpm(): boolean {
  return process.env["npm_lifecycle_event"] !== undefined;
}

export interface LauncherWatchOptions {
  /** Called once, a second or so after an npm above this process has gone without a word. */
  readonly onGone: () => void;
  readonly clock?: Clock | undefined;
  /** Default: {@link ancestors} of this process. */
  readonly look?: (() => readonly Ancestor[]) | undefined;
}

/** Watches from `begin` on, until it is disposed of. Where there is no npm above, nothing is watched. */
export class LauncherWatch implements Disposable {
  readonly #onGone: () => void;
  readonly #clock: Clock;
  readonly #look: () => readonly Ancestor[];
  /** Set while a launcher is watched. */
  #timer: Timer | undefined;

  constructor({ onGone, clock = systemClock, look = ancestors }: LauncherWatchOptions) {
    this.#onGone = onGone;
    this.#clock = clock;
    this.#look = look;
  }

  begin(): void {
    const launchers = this.#look().filter(isLauncher);
    if (launchers.length > 0) this.#watch(launchers.map(({ pid }) => pid));
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #watch(launchers: readonly number[]): void {
    this.#timer = this.#clock.setTimer(() => {
      // Whose parent has ended gets another one. So an id that is in use again deceives nobody.
      const above = new Set(this.#look().map(({ pid }) => pid));
      if (launchers.every((pid) => above.has(pid))) this.#watch(launchers);
      else this.#onGone();
    }, lookEveryMs);
  }
}

/**
 * npm gives itself the title "npm start"; where titles do not show, it is node running npm-cli.js. Where no
 * command lines are to be seen, the parent is taken for it.
 */
function isLauncher({ args }: Ancestor): boolean {
  return args === undefined || /^(?:\S*\/)?npm\b|npm-cli\.js/.test(args);
}
