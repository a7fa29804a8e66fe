/**
 * Owns how a soak looks on the terminal: how far it is, while it runs. It never
 * knows what it found.
 */
import { SingleBar } from "cli-progress";
import type { SoakProgress } from "./soak.ts";

const lineEveryMs = 5_000;

/** Where the soak is, on standard error: a bar on a terminal, else a line every few seconds. */
export class SoakDisplay {
  readonly #bar: SingleBar | undefined;
  /** Of the last line. */
  #linedMs = -Infinity;

  constructor(messages: number) {
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar({
      format: "{bar} {value} of {total} done, {sent} sent · {phase} · {kills} killed",
      barCompleteChar: "━",
      barIncompleteChar: "─",
      barsize: 30,
      hideCursor: true,
    });
    this.#bar.start(messages, 0, { sent: 0, phase: "starting", kills: 0 });
  }

  show({ phase, sent, done, kills, restarts }: SoakProgress): void {
    this.#bar?.update(done, { sent, phase, kills });
    const nowMs = performance.now();
    if (this.#bar !== undefined || nowMs - this.#linedMs < lineEveryMs) return;
    this.#linedMs = nowMs;
    console.error(
      `${phase}: ${sent} sent, ${done} done, ${kills} consumers killed, Postgres restarted ${restarts} times`,
    );
  }

  close(): void {
    this.#bar?.stop();
  }
}
