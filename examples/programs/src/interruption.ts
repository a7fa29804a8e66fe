/**
 * Owns the end from outside: Ctrl-C, SIGTERM, a terminal or a pipe that goes away. It never ends the process
 * at the first of them; whoever watches the signal does, in order.
 */
import { constants } from "node:os";
import { systemClock } from "millrace";
import type { Clock } from "millrace";

/** Why a run was interrupted. */
export class InterruptedError extends Error {
  /** As shells have it: 128 and the number of the signal. */
  readonly exitCode: number;
  /** Whether somebody may still be looking on; not where the terminal, the reader or npm has gone. */
  readonly watched: boolean;

  constructor(signal: EndSignal) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
    this.watched = signal === "SIGINT" || signal === "SIGTERM";
  }
}

type EndSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE";

const endSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * npm passes a signal on to its child, which has had it from the terminal already, and a hang-up comes from
 * the shell and from the system: within this time it is the same one. Nobody presses Ctrl-C twice so fast.
 */
const copiedWithinMs = 150;

export interface InterruptionOptions {
  /** Called at the second signal: the process is to end at once, with this exit code. */
  readonly onLeave: (exitCode: number) => void;
  /** Whether npm started this program. */
  readonly underNpm: boolean;
  readonly clock?: Clock | undefined;
}

/** Listens from its making until it is disposed of. */
export class Interruption implements Disposable {
  readonly #abort = new AbortController();
  readonly #onLeave: (exitCode: number) => void;
  readonly #underNpm: boolean;
  readonly #clock: Clock;
  /** When the first signal came. */
  #sinceMs: number | undefined;

  constructor(options: InterruptionOptions) {
    this.#onLeave = options.onLeave;
    this.#underNpm = options.underNpm;
    this.#clock = options.clock ?? systemClock;
    for (const signal of endSignals) process.on(signal, this.#onSignal);
    process.stdout.on("error", this.#onBrokenOutput);
  }

  /** Aborts with an InterruptedError at the first signal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** As if the signal had come: whatever it stands for has happened in another way. */
  interrupt(signal: EndSignal): void {
    this.#sinceMs ??= this.#clock.monotonicMs();
    this.#abort.abort(new InterruptedError(signal));
  }

  [Symbol.dispose](): void {
    for (const signal of endSignals) process.off(signal, this.#onSignal);
    process.stdout.off("error", this.#onBrokenOutput);
  }

  readonly #onSignal = (signal: EndSignal): void => {
    if (this.#sinceMs === undefined) {
      this.interrupt(signal);
      return;
    }
    const mayBeCopy = this.#underNpm || signal === "SIGHUP";
    const sinceMs = this.#clock.monotonicMs() - this.#sinceMs;
    if (mayBeCopy && sinceMs <= copiedWithinMs) return;
    this.#onLeave(new InterruptedError(signal).exitCode);
  };

  /** Nobody reads any more: `npm start | head`. */
  readonly #onBrokenOutput = (): void => this.interrupt("SIGPIPE");
}
