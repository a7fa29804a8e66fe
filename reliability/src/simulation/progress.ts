/**
 * Owns the progress bar of the simulation's programs. It never counts by itself.
 */
import { SingleBar } from "cli-progress";

/** A bar on a terminal; elsewhere nothing. */
export class Progress {
  readonly #bar: SingleBar | undefined;

  constructor(total: number, what: string) {
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar({
      format: `{bar}  {value} of {total} ${what}, {failed} failed, {eta_formatted} left`,
      barCompleteChar: "━",
      barIncompleteChar: "─",
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: true,
      etaBuffer: 500,
    });
    this.#bar.start(total, 0, { failed: 0 });
  }

  step(failed: number): void {
    this.#bar?.increment(1, { failed });
  }

  stop(): void {
    this.#bar?.stop();
  }
}
