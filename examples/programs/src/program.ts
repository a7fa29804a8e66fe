/**
 * Owns what the programs have in common: their command lines, and how they end: with which exit code,
 * and on what last line. It never knows what they do.
 */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { complaintAbout, exitCodes, UsageError } from "./failure.ts";
import { InterruptedError, Interruption } from "./interruption.ts";
import { isUnderNpm, LauncherWatch } from "./launcher.ts";
import { ParentWatch } from "./parent.ts";
import { Screen } from "./screen.ts";

/** What a program works with. */
export interface Surroundings {
  readonly screen: Screen;
  /** Aborts, with an InterruptedError, when the program is to end. */
  readonly signal: AbortSignal;
}

/** A command line whose mistakes end the program with one line and exit code 2. */
export function commandLine(name: string, description: string): Command {
  return new Command(`npm ${name}`)
    .usage("-- [options]")
    .description(description)
    .helpOption("-h, --help", "show this")
    .exitOverride()
    .configureOutput({
      // The error, and commander's guess at what was meant, on one line.
      outputError: (text, write) => write(`${text.trim().replaceAll("\n", " ")}\n`),
    });
}

/** Part of the help. */
export function environmentHelp(variables: Readonly<Record<string, string>>): string {
  const names = Object.keys(variables);
  const width = Math.max(...names.map((name) => name.length));
  const lines = Object.entries(variables).map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  return `\nEnvironment variables:\n${lines.join("\n")}`;
}

/** What AWS's own variables mean, for the programs that talk to any SQS. */
export const awsVariables: Readonly<Record<string, string>> = {
  AWS_REGION: "where SQS is, when the queue's URL does not say",
  AWS_ACCESS_KEY_ID:
    "the credentials, with AWS_SECRET_ACCESS_KEY; else what the AWS SDK would find",
  AWS_ENDPOINT_URL_SQS: "calls go there, whatever the queue's URL says",
};

/**
 * The values of environment variables that must be set.
 *
 * @throws UsageError naming all that are not.
 */
export function required<Name extends string>(
  variables: Readonly<Record<Name, string>>,
): Record<Name, string> {
  const missing: string[] = [];
  const values: Record<string, string> = {};
  for (const [name, meaning] of Object.entries<string>(variables)) {
    const value = process.env[name] ?? "";
    if (value === "") missing.push(`${name} (${meaning})`);
    values[name] = value;
  }
  if (missing.length > 0) {
    const text = `${missing.join(" and ")} must be set; "npm run local" prints what to export`;
    throw new UsageError(text);
  }
  return values;
}

/** Reads whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Reads decimal numbers; `min` itself only if it is `inclusive`. */
export function decimal(
  min: number,
  max: number,
  { inclusive }: { readonly inclusive: boolean },
): (text: string) => number {
  return (text) => {
    const value = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
    if ((inclusive ? value >= min : value > min) && value <= max) return value;
    const bounds = inclusive ? `from ${min} to ${max}` : `above ${min}, at most ${max}`;
    throw new InvalidArgumentError(`It must be a number ${bounds}.`);
  };
}

/**
 * Runs a program from its command line to its exit code. A failure is one line on standard error, whatever
 * was thrown.
 *
 * @param main answers the exit code; 0 when it answers none.
 */
export async function run(
  command: Command,
  main: (surroundings: Surroundings) => Promise<number | undefined>,
): Promise<void> {
  const screen = new Screen();
  // What is written last fails when the run is over, and is no failure of it: `npm run … | head`.
  process.stdout.on("error", () => {});
  const fail = (error: unknown): void => {
    screen.close();
    process.exitCode = failWith(error);
  };
  // A defect, here or in a library. Postgres and its data go down with this process.
  process.once("uncaughtException", (error) => {
    fail(error);
    process.exit();
  });
  const underNpm = isUnderNpm();
  using interruption = new Interruption({
    underNpm,
    onLeave: (exitCode) => {
      screen.close();
      process.exit(exitCode);
    },
  });
  try {
    command.parse();
    using launcher = new LauncherWatch({ onGone: () => interruption.interrupt("SIGHUP") });
    if (underNpm) launcher.begin();
    using parent = new ParentWatch({
      onGone: () => interruption.interrupt("SIGHUP"),
      onLate: () => process.exit(exitCodes.failed),
    });
    parent.begin();
    process.exitCode = (await main({ screen, signal: interruption.signal })) ?? exitCodes.done;
  } catch (error) {
    fail(error);
  }
  screen.close();
}

/** Prints why, unless that has been done, and answers the exit code. */
function failWith(error: unknown): number {
  // Commander has said what there is to say, the help above all.
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  const { text, exitCode } = complaintAbout(error);
  process.stderr.write(`error: ${text}\n`);
  return error instanceof InterruptedError ? error.exitCode : exitCode;
}
