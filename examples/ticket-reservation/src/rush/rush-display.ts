/**
 * Owns how a rush looks while it runs, on standard error: a bar on a terminal, else a line every few seconds. It
 * never knows what came of it.
 */
import { SingleBar } from "cli-progress";
import { formatNumber } from "programs";
import type { RushAround } from "./run-rush.ts";

type Progress = Parameters<RushAround["onProgress"]>[0];

const lineEveryMs = 5_000;

export class RushDisplay implements Disposable {
  readonly #bar: SingleBar | undefined;
  /** Of the last line. */
  #linedMs = -Infinity;

  constructor(requests: number) {
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar({
      format:
        "{bar} {value} of {total} decided, {taken} taken · {sold} seats sold · {kills} killed",
      barCompleteChar: "━",
      barIncompleteChar: "─",
      barsize: 30,
      hideCursor: true,
    });
    this.#bar.start(requests, 0, { taken: 0, sold: 0, kills: 0 });
  }

  show({ taken, decided, sold, kills }: Progress): void {
    this.#bar?.update(decided, { taken, sold, kills });
    const nowMs = performance.now();
    if (this.#bar !== undefined || nowMs - this.#linedMs < lineEveryMs) return;
    this.#linedMs = nowMs;
    process.stderr.write(
      `${formatNumber(taken)} taken, ${formatNumber(decided)} decided, ${sold} seats sold, ${kills} workers killed\n`,
    );
  }

  [Symbol.dispose](): void {
    this.#bar?.stop();
  }
}
