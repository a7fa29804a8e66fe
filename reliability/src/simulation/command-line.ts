/**
 * Owns what the programs of the simulation have in common on the command line: numbers, colours, the
 * progress bar, and how they end. It never runs a seed.
 */
import { availableParallelism } from "node:os";
import process from "node:process";
import { SingleBar } from "cli-progress";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { terminalColors } from "programs";
import { queueKinds } from "./run.ts";
import type { QueueKind } from "./scenario.ts";

/** 0: all is well. 1: something was found. 2: the command line makes no sense. 130: Ctrl-C. */
export const exitCodes = { done: 0, found: 1, usage: 2, interrupted: 130 } as const;

export const colors: ReturnType<typeof terminalColors> = terminalColors();

export const defaultJobs: number = availableParallelism();

/** Reads whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Reads the names of queue kinds, with commas between them. */
export function queueKindList(text: string): [QueueKind, ...QueueKind[]] {
  const names = text.split(",");
  const kinds = queueKinds.filter((kind) => names.includes(kind));
  const [first, ...rest] = kinds;
  if (first !== undefined && kinds.length === names.length) return [first, ...rest];
  throw new InvalidArgumentError(
    `It must be some of ${queueKinds.join(", ")}, with commas between.`,
  );
}

export function commandLine(name: string, description: string): Command {
  return new Command(`npm run ${name}`)
    .usage("-- [options]")
    .description(description)
    .helpOption("-h, --help", "show this")
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${text.trim().replaceAll("\n", " ")}\n`),
    });
}

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

/** Runs a program from its command line to its exit code; Ctrl-C aborts the signal. */
export async function run(
  command: Command,
  main: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const interruption = new AbortController();
  const onInterrupt = (): void => interruption.abort(new Error("interrupted"));
  process.once("SIGINT", onInterrupt);
  process.once("SIGTERM", onInterrupt);
  try {
    command.parse();
    process.exitCode = await main(interruption.signal);
  } catch (error) {
    process.exitCode = failWith(error, interruption.signal.aborted);
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

function failWith(error: unknown, interrupted: boolean): number {
  // Commander has said what there is to say, the help above all.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${text}\n`);
  return interrupted ? exitCodes.interrupted : exitCodes.usage;
}
