/** Owns how tests start the programs of one workspace by name. It never knows what they do. */
import { startProgram } from "./running-program.ts";
import type { Ended, RunningProgram } from "./running-program.ts";

type Start<Name extends string, Result> = (
  name: Name,
  args?: readonly string[],
  env?: Readonly<Record<string, string>>,
) => Result;

export interface NamedPrograms<Name extends string> {
  /** Starts a program. Of the environment it sees only what it needs, and `env`. */
  readonly start: Start<Name, RunningProgram>;
  /** Runs a program to its end. */
  readonly run: Start<Name, Promise<Ended>>;
}

/** @param dist where they are built. */
export function programsIn<Name extends string>(dist: URL): NamedPrograms<Name> {
  const start: Start<Name, RunningProgram> = (name, args, env) =>
    startProgram(new URL(`${name}.js`, dist), args, env);
  return { start, run: (...parameters) => start(...parameters).ended };
}
