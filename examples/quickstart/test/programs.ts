/** Owns the quickstart's programs as tests run them, and what their summaries say. */
import { startProgram } from "programs/testing";
import type { Ended, RunningProgram } from "programs/testing";

export type ProgramName = "main" | "local" | "sender" | "consumer";

/** Starts a program. Of the environment it sees only what it needs, and `env`. */
export function start(
  name: ProgramName,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): RunningProgram {
  return startProgram(new URL(`../dist/${name}.js`, import.meta.url), args, env);
}

/** Runs a program to its end. */
export function run(...parameters: Parameters<typeof start>): Promise<Ended> {
  return start(...parameters).ended;
}

/** The figures of the summary, by name. */
export function summaryOf({ stdout }: { readonly stdout: string }): Record<string, string> {
  const [, summary] = stdout.split("Summary\n");
  if (summary === undefined) throw new Error(`there is no summary:\n${stdout}`);
  return Object.fromEntries(
    summary
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/)),
  );
}

/** SQS requests by operation, as the summary has them. */
export function requestsOf(summary: Readonly<Record<string, string>>): Record<string, number> {
  const [, list = ""] = (summary["SQS requests"] ?? "").split(": ");
  return Object.fromEntries(
    list.split(", ").map((item) => {
      const [operation = "", count = ""] = item.split(" ");
      return [operation, Number(count.replaceAll(",", ""))];
    }),
  );
}
