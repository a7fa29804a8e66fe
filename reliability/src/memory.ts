/**
 * Owns `npm run soak:memory`: its command line and its screen. What it runs is in chaos/memory-run.ts.
 */
import { SingleBar } from "cli-progress";
import { Option } from "commander";
import { commandLine, printReport, run, wholeNumber } from "programs";
import { judgeMemory, summarizeMemory } from "./chaos/memory-report.ts";
import { memoryPlants, runMemory } from "./chaos/memory-run.ts";
import type { MemoryPlant } from "./chaos/memory-run.ts";

interface Options {
  readonly messages: number;
  readonly samples: number;
  readonly plant?: MemoryPlant;
  readonly json: boolean;
}

const command = commandLine(
  "run soak:memory",
  "Runs messages through one consumer in this process, fed from another, and looks at the heap after a full garbage collection along the way: the last third must be no larger than the first. Exit code 0: flat; 1: something grew. Needs node --expose-gc.",
)
  .option("--messages <n>", "how many", wholeNumber(100, 100_000_000), 300_000)
  .option("--samples <n>", "how often to look at the heap", wholeNumber(3, 1_000), 60)
  .addOption(
    new Option("--plant <fault>", "a leak in the handler: the run must fail").choices(memoryPlants),
  )
  .option("--json", "print the findings as JSON", false);

await run(command, async ({ signal }) => {
  const { messages, samples, plant, json } = command.opts<Options>();
  const { gc } = globalThis;
  if (gc === undefined)
    throw new Error("start it with node --expose-gc, as npm run soak:memory does");
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: "{bar} {value} of {total} · heap {heap} MiB", hideCursor: true })
    : undefined;
  bar?.start(messages, 0, { heap: "–" });
  const findings = await runMemory(
    { messages, samples, plant },
    {
      collect: () => gc(),
      signal,
      onSample: ({ messages: done, heapUsedBytes }) => {
        bar?.update(done, { heap: (heapUsedBytes / 1_048_576).toFixed(2) });
      },
    },
  ).finally(() => bar?.stop());
  const checks = judgeMemory(findings);
  const passed = checks.every(({ held }) => held);
  if (json) console.log(JSON.stringify({ passed, checks, ...findings }, undefined, 2));
  else printReport(summarizeMemory(findings), checks);
  return passed ? 0 : 1;
});
