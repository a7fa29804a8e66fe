/**
 * Owns `npm run soak`: its command line and its screen. What it runs is in chaos/soak.ts.
 */
import { Option } from "commander";
import { commandLine, decimal, printReport, run, wholeNumber } from "programs";
import { plants } from "./chaos/consumer-job.ts";
import type { Plant } from "./chaos/consumer-job.ts";
import { soakDefaults } from "./chaos/soak-plan.ts";
import { SoakDisplay } from "./chaos/soak-display.ts";
import { judge, summarize } from "./chaos/soak-report.ts";
import { runSoak } from "./chaos/soak.ts";

interface Options {
  readonly messages: number;
  readonly minutes: number;
  readonly seed: number;
  readonly fifo: boolean;
  readonly groups: number;
  readonly faultRate: number;
  readonly killEvery: number;
  readonly postgresRestarts: number;
  readonly plant?: Plant;
  readonly json: boolean;
}

const command = commandLine(
  "run soak",
  "Sends messages through a faulty network to a local SQS. Two consumer processes write a row for each into a local Postgres, while one of them is killed every few seconds and Postgres is restarted. In the end each message must have its row. Exit code 0: all held; 1: something did not.",
)
  .option("--messages <n>", "how many are sent", wholeNumber(1, 10_000_000), soakDefaults.messages)
  .option(
    "--minutes <n>",
    "how long there are faults, fractions too",
    decimal(0.05, 1_440, { inclusive: true }),
    soakDefaults.chaosMs / 60_000,
  )
  .option(
    "--seed <n>",
    "of faults, kills and pretended work",
    wholeNumber(0, 4_294_967_295),
    soakDefaults.seed,
  )
  .option("--fifo", "a FIFO queue: the order of each group must be kept too", false)
  .option(
    "--groups <n>",
    "message groups, with --fifo",
    wholeNumber(1, 100_000),
    soakDefaults.lanes,
  )
  .option(
    "--fault-rate <share>",
    "share of the requests that each of the twelve kinds of fault befalls",
    decimal(0, 0.08, { inclusive: true }),
    soakDefaults.faultRate,
  )
  .option(
    "--kill-every <seconds>",
    "from one SIGKILL of a consumer to the next, on average",
    decimal(0.5, 3_600, { inclusive: true }),
    soakDefaults.killEveryMs / 1_000,
  )
  .option(
    "--postgres-restarts <n>",
    "how often Postgres goes down and comes up again",
    wholeNumber(0, 1_000),
    soakDefaults.postgresRestarts,
  )
  .addOption(
    new Option(
      "--plant <fault>",
      "a fault in the consumers themselves: the soak must fail",
    ).choices(plants),
  )
  .option("--json", "print the findings as JSON", false);

await run(command, async ({ signal }) => {
  const options = command.opts<Options>();
  const plan = {
    ...soakDefaults,
    messages: options.messages,
    chaosMs: options.minutes * 60_000,
    seed: options.seed,
    fifo: options.fifo,
    lanes: options.groups,
    faultRate: options.faultRate,
    killEveryMs: options.killEvery * 1_000,
    postgresRestarts: options.postgresRestarts,
    plant: options.plant,
  };
  const display = new SoakDisplay(plan.messages);
  const findings = await runSoak(plan, {
    signal,
    onProgress: (progress) => display.show(progress),
  }).finally(() => display.close());
  const checks = judge(findings);
  const passed = checks.every(({ held }) => held);
  if (options.json) console.log(JSON.stringify({ passed, checks, ...findings }, undefined, 2));
  else printReport(summarize(findings), checks);
  return passed ? 0 : 1;
});
