/**
 * Owns `npm run simulate`: many seeds in parallel, or one with its trace. What a seed is and how it is judged
 * is in simulation/.
 */
import { availableParallelism } from "node:os";
import { InvalidArgumentError } from "commander";
import { commandLine, run, terminalColors, wholeNumber } from "programs";
import { Progress } from "./simulation/progress.ts";
import { queueKinds, runSeed } from "./simulation/run.ts";
import type { QueueKind } from "./simulation/scenario.ts";
import { runSeeds } from "./simulation/seed-pool.ts";
import type { FailedSeed } from "./simulation/seed-pool.ts";
import { outline, trace } from "./simulation/trace.ts";
import type { TraceLine } from "./simulation/trace.ts";

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly jobs: number;
  readonly queues: [QueueKind, ...QueueKind[]];
  readonly seed?: number;
  readonly trace?: boolean;
}

const colors = terminalColors();

const maxSeed = 2 ** 32 - 1;

const command = commandLine(
  "run simulate",
  "Runs consumers and producers against a simulated SQS on a virtual clock, with faults drawn from a seed, and judges each run by its log.",
)
  .option("--seeds <count>", "how many seeds to run", wholeNumber(1, maxSeed), 1_000)
  .option("--from <seed>", "the first of them", wholeNumber(0, maxSeed), 1)
  .option("--jobs <count>", "threads", wholeNumber(1, 256), availableParallelism())
  .option("--queues <kinds>", "which queues to draw", queueKindList, [...queueKinds])
  .option("--seed <seed>", "run this one alone", wholeNumber(0, maxSeed))
  .option("--trace", "with --seed: print what happened")
  .addHelpText(
    "after",
    "\nThe same seed is the same run, event by event, as long as --queues is the same." +
      "\nExit code: 0 every promise was kept, 1 one was broken, 2 the command line makes no sense.",
  );

await run(command, ({ signal }) => {
  const options = command.opts<Options>();
  return options.seed === undefined ? many(options, signal) : one(options.seed, options);
});

async function one(seed: number, { queues, trace: wanted }: Options): Promise<number> {
  const { scenario, entries, violations } = await runSeed(seed, queues);
  if (wanted === true) {
    for (const line of outline(scenario)) console.log(colors.dim(line));
    for (const line of trace(entries, violations)) console.log(shown(line));
  }
  for (const { promise, text, atMs } of violations) {
    console.log(`${colors.red("broken")}  ${(atMs / 1_000).toFixed(3)}s  ${promise}: ${text}`);
  }
  if (violations.length === 0) console.log(`seed ${seed}: every promise was kept`);
  return violations.length === 0 ? 0 : 1;
}

function shown({ time, who, what, detail, tone }: TraceLine): string {
  const line = `${time.padStart(10)}  ${who.padEnd(8)}  ${what.padEnd(14)}  ${detail}`;
  const toned = { plain: String, quiet: colors.dim, fault: colors.yellow, bad: colors.red };
  return toned[tone](line.trimEnd());
}

async function many(options: Options, signal: AbortSignal): Promise<number> {
  const { seeds, from, jobs, queues } = options;
  const progress = new Progress(seeds, "seeds");
  const beganMs = performance.now();
  const failures: FailedSeed[] = [];
  let ran = 0;
  try {
    await runSeeds({
      from,
      count: seeds,
      jobs,
      kinds: queues,
      untilFailure: false,
      signal,
      onSeed: (failure) => {
        ran += 1;
        if (failure !== undefined) failures.push(failure);
        progress.step(failures.length);
      },
    });
  } finally {
    progress.stop();
    // Of a run that is interrupted, too: what it has found is worth the time it took.
    if (ran > 0) report(options, ran, failures, performance.now() - beganMs);
  }
  return failures.length === 0 ? 0 : 1;
}

function report(
  { seeds, queues }: Options,
  ran: number,
  failures: readonly FailedSeed[],
  durationMs: number,
): void {
  const inOrder = failures.toSorted((a, b) => a.seed - b.seed);
  for (const { seed, promise, text } of inOrder) {
    console.log(`${colors.red(`seed ${seed}`)}  ${promise}: ${text}`);
  }
  const seconds = durationMs / 1_000;
  const count = ran === seeds ? `${seeds}` : `${ran} of ${seeds}`;
  const rate = `${count} seeds in ${seconds.toFixed(1)} s, ${(ran / seconds).toFixed(0)} a second`;
  const [first] = inOrder;
  if (first === undefined) {
    console.log(`${rate}: every promise was kept`);
    return;
  }
  console.log(`${rate}, ${failures.length} failed`);
  const kinds = queues.length === queueKinds.length ? "" : ` --queues ${queues.join(",")}`;
  console.log(`what happened: npm run simulate -- --seed ${first.seed} --trace${kinds}`);
}

/** Reads the names of queue kinds, with commas between them. */
function queueKindList(text: string): [QueueKind, ...QueueKind[]] {
  const names = text.split(",");
  const kinds = queueKinds.filter((kind) => names.includes(kind));
  const [first, ...rest] = kinds;
  if (first !== undefined && kinds.length === names.length) return [first, ...rest];
  throw new InvalidArgumentError(
    `It must be some of ${queueKinds.join(", ")}, with commas between.`,
  );
}
