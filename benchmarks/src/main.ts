/**
 * Owns `npm run bench`: its command line, what it starts, and what it prints. It never computes a figure.
 */
import { writeFile } from "node:fs/promises";
import { InvalidArgumentError, Option } from "commander";
import { commandLine, run, terminalColors, UsageError, wholeNumber } from "programs";
import { Bench } from "./bench.ts";
import { cases } from "./cases/all.ts";
import { caseNames } from "./cases/names.ts";
import type { CaseName } from "./cases/names.ts";
import { Database } from "./database.ts";
import { Endpoint } from "./endpoint/endpoint.ts";
import { machine, versions } from "./machine.ts";
import { catalogue, peerNames } from "./peers/catalogue.ts";
import type { PeerName } from "./peers/catalogue.ts";
import { requireWritableFile, requireWritableFolder } from "./outputs.ts";
import { writePlots } from "./plots.ts";
import { Progress } from "./progress.ts";
import { newResults } from "./results.ts";
import type { Results } from "./results.ts";
import { runSteps, stepsOf } from "./suite.ts";
import { aligned, caseTable, targetTable } from "./tables.ts";
import { verdicts } from "./targets.ts";
import { busyEndpoint, warnings } from "./warnings.ts";

interface Options {
  readonly case: readonly CaseName[];
  readonly peer: readonly PeerName[];
  readonly rounds?: number;
  readonly quick: boolean;
  readonly hurry: number;
  readonly json?: string;
  readonly plots?: string;
  readonly profile?: string;
  readonly peers: boolean;
}

const colors = terminalColors();

const caseList = caseNames
  .map((name, index) => `  ${index + 1}  ${name.padEnd(11)}${cases[name].title}`)
  .join("\n");

const command = commandLine(
  "run bench",
  "Measures millrace side by side with others: CPU time, requests, throughput, latency. Each runs in a process of its own against one counting endpoint in another.",
)
  .addOption(
    new Option("--case <name>", "only this case, by name or number; may be repeated")
      .default([], "all")
      .argParser(readCase),
  )
  .addOption(
    new Option("--peer <name>", "only this peer; may be repeated")
      .default([], "all of the case")
      .argParser(readPeer),
  )
  .option(
    "--rounds <n>",
    "how often each is measured (default: 3, with --quick 1)",
    wholeNumber(1, 100),
  )
  .option("--quick", "all cases within 3 minutes, for the size of things", false)
  .option(
    "--hurry <n>",
    "divides all times and numbers, to see that the program works",
    wholeNumber(1, 1_000),
    1,
  )
  .option("--json <file>", "write the results there")
  .option("--plots <dir>", "draw the plots there, as SVG")
  .option("--profile <dir>", "have each peer write a CPU profile there; figures suffer")
  .option("--peers", "say who is measured, with which options, and end", false)
  .addHelpText("after", `\nCases:\n${caseList}`);

await run(command, async ({ signal }) => {
  const options = command.opts<Options>();
  if (options.peers) {
    console.log(describePeers());
    return 0;
  }
  if (options.json !== undefined) await requireWritableFile(options.json, "--json");
  if (options.plots !== undefined) await requireWritableFolder(options.plots, "--plots");
  if (options.profile !== undefined) await requireWritableFolder(options.profile, "--profile");
  const results = await measure(options, signal).catch((error: unknown) => {
    // What fails on the way out of an interrupted run says nothing more.
    signal.throwIfAborted();
    throw error;
  });
  console.log(report(results));
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  if (options.plots !== undefined) await writePlots(results, options.plots);
  return 0;
});

async function measure(options: Options, signal: AbortSignal): Promise<Results> {
  const { quick, hurry } = options;
  const rounds = options.rounds ?? (quick ? 1 : 3);
  const steps = stepsOf({
    cases: options.case.length > 0 ? options.case : caseNames,
    peers: options.peer,
    rounds,
    pace: { quick, hurry },
  });
  if (steps.length === 0) throw new UsageError("none of these peers is part of these cases");
  const startedAt = new Date();
  const about = { machine: machine(), packages: await versions() };
  await using endpoint = await Endpoint.start();
  await using database = new Database(signal);
  using progress = new Progress(steps);
  const bench = new Bench(endpoint, database, signal, options.profile);
  const found = await runSteps(steps, bench, (step) => progress.step(step));
  return newResults({
    startedAt: startedAt.toISOString(),
    durationSeconds: Math.round((Date.now() - startedAt.getTime()) / 1_000),
    quick,
    hurry,
    profile: options.profile !== undefined,
    rounds,
    ...about,
    cases: found,
  });
}

function report(results: Results): string {
  const tables = caseNames.flatMap((name, index) => {
    const table = caseTable(results, name);
    if (table === undefined) return [];
    const notes = busyEndpoint(results, name).map((note) => `\n${note}\n`);
    return `${colors.bold(`${index + 1}  ${cases[name].title}`)}\n\n${aligned(table)}\n${notes.join("")}`;
  });
  const held = verdicts(results);
  const targets =
    held.length === 0 ? [] : [`${colors.bold("Targets")}\n\n${aligned(targetTable(held))}\n`];
  return `\n${[...tables, ...targets, ...warnings(results)].join("\n")}`;
}

function describePeers(): string {
  return peerNames
    .map((name) => `${colors.bold(name)}  ${catalogue[name].title}\n  ${catalogue[name].options}`)
    .join("\n");
}

/** Reads a case, by name or number, and gathers those that were given before. */
function readCase(text: string, before: readonly CaseName[]): readonly CaseName[] {
  const name = caseNames.find((one, index) => one === text || String(index + 1) === text);
  if (name !== undefined) return [...before, name];
  throw new InvalidArgumentError(`It must be one of ${caseNames.join(", ")}, or its number.`);
}

/** Reads a peer, and gathers those that were given before. */
function readPeer(text: string, before: readonly PeerName[]): readonly PeerName[] {
  const name = peerNames.find((one) => one === text);
  if (name !== undefined) return [...before, name];
  throw new InvalidArgumentError(`It must be one of ${peerNames.join(", ")}.`);
}
