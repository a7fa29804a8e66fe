/**
 * Owns what the programs here have in common: how they end, and with which exit code. It never knows what they
 * do.
 */
import { constants } from "node:os";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { ResultsFileError } from "./results.ts";

/** The run was ended from outside. */
class InterruptedError extends Error {
  readonly exitCode: number;

  constructor(signal: (typeof endSignals)[number]) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** What was asked for makes no sense. */
export class UsageError extends Error {}

const endSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const exitCodes = { failed: 1, usage: 2 } as const;

/** A command line whose mistakes end the program with one line and exit code 2. */
export function commandLine(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .helpOption("-h, --help", "show this")
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${text.trim().replaceAll("\n", " ")}\n`),
    });
}

/** Reads whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Reads one of `names`, and gathers those that were given before. */
export function gathered<Name extends string>(
  names: readonly Name[],
): (text: string, before: readonly Name[]) => readonly Name[] {
  return (text, before) => {
    const name = names.find((one) => one === text);
    if (name !== undefined) return [...before, name];
    throw new InvalidArgumentError(`It must be one of ${names.join(", ")}.`);
  };
}

/**
 * Runs a program from its command line to its exit code.
 *
 * @param main gets a signal that aborts at Ctrl-C and its like, and must let go of all it has then.
 */
export async function run(
  command: Command,
  main: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    const found = endSignals.find((one) => one === signal);
    if (found !== undefined) controller.abort(new InterruptedError(found));
  };
  for (const signal of endSignals) process.on(signal, onSignal);
  // `| head` reads no more than it wants: the rest of the output is nobody's, and so is a run that still goes on.
  process.stdout.on("error", (error) => controller.abort(error));
  try {
    command.parse();
    await main(controller.signal);
  } catch (error) {
    // What fails on the way out of an interrupted run says nothing more.
    const { aborted, reason } = controller.signal;
    process.exitCode = failWith(aborted ? reason : error);
  } finally {
    for (const signal of endSignals) process.off(signal, onSignal);
  }
}

/** Prints why, unless that has been done, and answers the exit code. */
function failWith(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${message.trim().replaceAll(/\s*\n\s*/g, "; ")}\n`);
  if (error instanceof InterruptedError) return error.exitCode;
  const asked = error instanceof UsageError || error instanceof ResultsFileError;
  return asked ? exitCodes.usage : exitCodes.failed;
}
