/**
 * Owns how a soak looks on the terminal: where it is, and what it found. It never decides anything.
 */
import { SingleBar } from "cli-progress";
import pc from "picocolors";
import { summarize } from "./soak-report.ts";
import type { Check, SoakFindings } from "./soak-report.ts";
import type { SoakProgress } from "./soak.ts";

const lineEveryMs = 5_000;

/** Where the soak is, on standard error: a bar on a terminal, else a line every few seconds. */
export class SoakDisplay implements Disposable {
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

  [Symbol.dispose](): void {
    this.#bar?.stop();
  }
}

/** The table and the checks, on standard output. */
export function printSummary(findings: SoakFindings, checks: readonly Check[]): void {
  // Not left to picocolors, which colours files too when the variable CI is set.
  const { NO_COLOR = "" } = process.env;
  const { bold, dim, green, red } = pc.createColors(process.stdout.isTTY && NO_COLOR === "");
  const rows = summarize(findings);
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(bold("Summary"));
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${value}`);
  console.log(bold("\nChecks"));
  for (const { name, held, detail } of checks) {
    console.log(`  ${held ? green("✔") : red("✘")} ${name}  ${dim(detail)}`);
  }
}
