/**
 * Owns what the programs here have in common: the reading of numbers, the end from outside, and the exit code.
 * It never knows what they do.
 */
import { constants } from "node:os";
import { CommanderError, InvalidArgumentError } from "commander";
import type { Command } from "commander";

/** Why a program ended before it was through. */
class InterruptedError extends Error {
  /** As shells have it: 128 and the number of the signal. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

const endSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** npm passes the terminal's signal on: within this time it is the same Ctrl-C. Nobody presses it twice so fast. */
const copiedWithinMs = 150;

/**
 * Parses the command line and runs a program to its exit code: what `main` answers, 2 for a command line that
 * makes no sense, 1 for a failure, told in one line. The signal aborts at the first Ctrl-C; a second one
 * leaves at once.
 */
export async function run(
  command: Command,
  main: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const interruption = new AbortController();
  let sinceMs = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    const error = new InterruptedError(signal);
    if (!interruption.signal.aborted) {
      sinceMs = performance.now();
      interruption.abort(error);
    } else if (performance.now() - sinceMs > copiedWithinMs) {
      process.exit(error.exitCode);
    }
  };
  for (const signal of endSignals) process.on(signal, onSignal);
  try {
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(`${text.trim()}\n`) })
      .parse();
    process.exitCode = await main(interruption.signal);
  } catch (error) {
    process.exitCode = failWith(error);
  } finally {
    for (const signal of endSignals) process.off(signal, onSignal);
  }
}

/** Reads numbers from `min` to `max`. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };
}

/** Reads whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function failWith(error: unknown): number {
  // Commander has said what there is to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${text.trim().replaceAll(/\s*\n\s*/g, "; ")}\n`);
  return error instanceof InterruptedError ? error.exitCode : 1;
}
