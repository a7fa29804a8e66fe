/** Owns the ticket office's programs as tests run them. */
import { startProgram } from "programs/testing";
import type { Ended, RunningProgram } from "programs/testing";

export type ProgramName = "main" | "web" | "worker" | "rush";

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
