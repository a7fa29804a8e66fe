/**
 * Owns `npm run tickets:rush`: its command line and what it prints. What it runs is in rush/run-rush.ts.
 */
import { commandLine, decimal, printReport, run, wholeNumber } from "programs";
import { requireRoom } from "./connections.ts";
import { killEveryMs, rushDefaults } from "./rush/rush-plan.ts";
import { runRush } from "./rush/run-rush.ts";
import { RushDisplay } from "./rush/rush-display.ts";
import { judge, summarize } from "./rush/rush-report.ts";

interface Options {
  readonly requests: number;
  readonly seats: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly buyers: number;
  readonly kill: boolean;
  readonly killEvery: number;
  readonly duplicates: number;
  readonly giveUpAfter: number;
  readonly seed: number;
  readonly visibility: number;
  readonly unguarded: boolean;
  readonly json: boolean;
}

const command = commandLine(
  "run tickets:rush",
  "Has thousands ask for few seats over HTTP, on servers of its own, while messages come twice and workers are killed; in the end every seat must be sold once, every request decided once, every customer told once. Exit code 0: all held; 1: something did not.",
)
  .option("--requests <n>", "how many ask", wholeNumber(1, 1_000_000), rushDefaults.requests)
  .option("--seats <n>", "seats there are", wholeNumber(1, 10_000), rushDefaults.seats)
  .option("--workers <n>", "worker processes", wholeNumber(1, 30), rushDefaults.workers)
  .option(
    "--concurrency <n>",
    "decisions at once, each worker process",
    wholeNumber(1, 70),
    rushDefaults.concurrency,
  )
  .option("--buyers <n>", "requests at once", wholeNumber(1, 500), rushDefaults.buyers)
  .option("--kill", "kill a worker now and then, with SIGKILL", false)
  .option(
    "--kill-every <seconds>",
    "from one to the next, on average",
    decimal(0, 3_600, { inclusive: false }),
    killEveryMs / 1_000,
  )
  .option(
    "--duplicates <share>",
    "share of the deliveries that SQS makes twice",
    decimal(0, 1, { inclusive: true }),
    rushDefaults.duplicateShare,
  )
  .option(
    "--visibility <seconds>",
    "how long SQS waits for a worker that was killed before it hands its messages to others",
    wholeNumber(1, 43_200),
    rushDefaults.visibilitySeconds,
  )
  .option("--unguarded", "workers without inbox and lock: the rush must fail", false)
  .option(
    "--give-up-after <seconds>",
    "ends with exit code 1 when nothing moves for so long",
    wholeNumber(1, 86_400),
    rushDefaults.giveUpAfterMs / 1_000,
  )
  .option("--seed <n>", "of demand and kills", wholeNumber(0, 4_294_967_295), rushDefaults.seed)
  .option("--json", "print the findings as JSON", false);

await run(command, async ({ screen, signal }) => {
  const { kill, killEvery, duplicates, visibility, giveUpAfter, json, ...rest } =
    command.opts<Options>();
  const plan = {
    ...rushDefaults,
    ...rest,
    killEveryMs: kill ? killEvery * 1_000 : undefined,
    duplicateShare: duplicates,
    visibilitySeconds: visibility,
    giveUpAfterMs: giveUpAfter * 1_000,
  };
  requireRoom(plan);
  using display = new RushDisplay(plan.requests);
  const findings = await runRush(plan, {
    signal,
    onProgress: (progress) => display.show(progress),
  });
  display[Symbol.dispose]();
  const checks = judge(findings);
  const passed = checks.every(({ held }) => held);
  if (json) {
    screen.text(JSON.stringify({ passed, checks, ...findings }, undefined, 2));
  } else {
    printReport(summarize(findings), checks);
  }
  return passed ? 0 : 1;
});
