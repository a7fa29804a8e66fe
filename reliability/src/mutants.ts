/**
 * Owns `npm run simulate:mutants`: plants each fault of the list, hunts it with the simulation, and prints
 * which seed found it. What the faults are is in mutants/mutations.ts.
 */
import { availableParallelism } from "node:os";
import { commandLine, run, terminalColors, wholeNumber } from "programs";
import { control, hunt } from "./mutants/hunt.ts";
import type { Hunted } from "./mutants/hunt.ts";
import type { Mutation } from "./mutants/mutation.ts";
import { mutations } from "./mutants/mutations.ts";
import { Progress } from "./simulation/progress.ts";

interface Options {
  readonly seeds: number;
  readonly jobs: number;
  readonly only?: string;
}

const colors = terminalColors();

const command = commandLine(
  "run simulate:mutants",
  "Plants one fault after the other in a copy of the consumer, and runs the simulation until a seed finds it.",
)
  .option("--seeds <count>", "how many each is given", wholeNumber(1, 1_000_000), 500)
  .option("--jobs <count>", "mutants at once", wholeNumber(1, 64), availableParallelism())
  .option("--only <text>", "those whose names have this in them")
  .addHelpText(
    "after",
    "\nExit code: 0 all were found, 1 one survived, 2 one could not be planted or the command line makes no sense.",
  );

await run(command, async ({ signal }) => {
  const { seeds, jobs, only = "" } = command.opts<Options>();
  const chosen = mutations.filter(({ name }) => name.includes(only));
  // What the same seeds find without a fault they would find in every mutant.
  const [alarm] = await huntAll([control], seeds, 1, signal);
  if (alarm?.found !== undefined) {
    const { seed, promise, text } = alarm.found;
    console.log(`without a fault, seed ${seed} breaks "${promise}": ${text}`);
    return 1;
  }
  const results = await huntAll(chosen, seeds, jobs, signal);
  const width = Math.max(...chosen.map(({ name }) => name.length), 6);
  console.log(colors.dim(`${"mutant".padEnd(width)}  ${"seed".padStart(5)}  promise`));
  for (const { mutation, found } of results) {
    const seed = String(found?.seed ?? "-").padStart(5);
    const promise = found?.promise ?? colors.red("survived");
    console.log(`${mutation.name.padEnd(width)}  ${seed}  ${promise}`);
  }
  const survivors = results.filter(({ found }) => found === undefined).length;
  console.log(`${results.length - survivors} of ${results.length} found within ${seeds} seeds`);
  return survivors === 0 ? 0 : 1;
});

async function huntAll(
  chosen: readonly Mutation[],
  seeds: number,
  jobs: number,
  signal: AbortSignal,
): Promise<Hunted[]> {
  const progress = new Progress(chosen.length, "mutants");
  const results = new Map<Mutation, Hunted>();
  const left = [...chosen];
  let survived = 0;
  const hunter = async (): Promise<void> => {
    for (let mutation = left.shift(); mutation !== undefined; mutation = left.shift()) {
      const hunted = await hunt(mutation, seeds, signal);
      if (hunted.found === undefined) survived += 1;
      results.set(mutation, hunted);
      progress.step(survived);
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, hunter));
  } finally {
    progress.stop();
  }
  return chosen.flatMap((mutation) => results.get(mutation) ?? []);
}
