/**
 * Owns the options of inThreads: their meaning, their defaults, and the check that they can work. It
 * never uses one.
 */
import { availableParallelism } from "node:os";
import { SHARE_ENV } from "node:worker_threads";
import type { ResourceLimits } from "node:worker_threads";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { OptionError } from "../errors.ts";
import { checkOptionNames } from "../option-checks.ts";

/** Options of {@link inThreads}. */
export interface InThreadsOptions {
  /** The module's export that is the handler. Default `"default"`. */
  readonly export?: string | undefined;
  /**
   * Worker threads, 1 to 1,024. Default: `os.availableParallelism()`. With fewer, cores are idle; with
   * more, handlers that compute share a core and each takes longer, and every thread takes some 10 MB and
   * loads the module once more.
   */
  readonly threads?: number | undefined;
  /**
   * Handlers at once in one thread, 1 to 10,000. Default 1, which suits handlers that compute. At 1 a
   * thread is idle while its handler waits for something; with more, one that computes holds up the others
   * in its thread, and one that ends its thread fails them.
   *
   * A consumer's `concurrency` is `threads × tasksPerThread` by default. With less, some are never used; what
   * is above that waits in the main thread, its lease kept and its `handlerTimeoutMs` running.
   */
  readonly tasksPerThread?: number | undefined;
  /**
   * The heap and the stack of each thread, as Node takes them. Default: Node's. A thread that reaches
   * `maxOldGenerationSizeMb` is lost; without it, one handler that takes all memory can end the process.
   * Much below 20 the module itself does not load. A `stackSizeMb` below 0.5 is refused: Node itself does not
   * start within two fifths of that, and takes the whole process with it.
   */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** `process.env` in the threads, or `SHARE_ENV` of node:worker_threads. Default: a copy of the process's. */
  readonly env?: Readonly<Record<string, string | undefined>> | typeof SHARE_ENV | undefined;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** The options, checked, with their defaults. */
export interface ThreadsSettings {
  /** A `file:` or `data:` URL. */
  readonly moduleUrl: string;
  readonly exportName: string;
  readonly threads: number;
  readonly tasksPerThread: number;
  readonly resourceLimits: ResourceLimits | undefined;
  readonly env: Readonly<Record<string, string | undefined>> | typeof SHARE_ENV | undefined;
  readonly clock: Clock;
}

/** Less than 0.2 ends the process, in Node's own start of the thread; less than 0.3 the thread. */
const minStackMb = 0.5;
const maxThreads = 1_024;
const maxTasksPerThread = 10_000;

const known: ReadonlySet<string> = new Set<keyof InThreadsOptions>([
  "export",
  "threads",
  "tasksPerThread",
  "resourceLimits",
  "env",
  "clock",
]);

const knownLimits: ReadonlySet<string> = new Set<keyof ResourceLimits>([
  "maxOldGenerationSizeMb",
  "maxYoungGenerationSizeMb",
  "codeRangeSizeMb",
  "stackSizeMb",
]);

/** @throws OptionError for the first option that cannot work, with the value that was received. */
export function readOptions(moduleUrl: string | URL, options: InThreadsOptions): ThreadsSettings {
  checkOptionNames(options, known);
  const { export: exportName = "default", clock = systemClock } = options;
  if (typeof exportName !== "string" || exportName === "") {
    throw new OptionError("export", "the name of an export", exportName);
  }
  if (typeof clock?.setTimer !== "function") throw new OptionError("clock", "a Clock", clock);
  return {
    moduleUrl: urlOf(moduleUrl),
    exportName,
    threads: whole("threads", options.threads, maxThreads) ?? availableParallelism(),
    tasksPerThread: whole("tasksPerThread", options.tasksPerThread, maxTasksPerThread) ?? 1,
    resourceLimits: limitsOf(options.resourceLimits),
    env: envOf(options.env),
    clock,
  };
}

function urlOf(moduleUrl: string | URL): string {
  const text: unknown = moduleUrl instanceof URL ? moduleUrl.href : moduleUrl;
  if (typeof text === "string" && URL.canParse(text)) {
    const { protocol, href } = new URL(text);
    if (protocol === "file:" || protocol === "data:") return href;
  }
  const expected = 'the URL of a file, such as new URL("./work.js", import.meta.url)';
  throw new OptionError("moduleUrl", expected, text);
}

function whole(name: string, value: number | undefined, max: number): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new OptionError(name, `a whole number from 1 to ${max}`, value);
}

function limitsOf(limits: ResourceLimits | undefined): ResourceLimits | undefined {
  if (limits === undefined) return undefined;
  if (typeof limits !== "object" || limits === null) {
    throw new OptionError("resourceLimits", "an object", limits);
  }
  for (const [name, value] of Object.entries<unknown>({ ...limits })) {
    const option = `resourceLimits.${name}`;
    if (!knownLimits.has(name)) {
      throw new OptionError(option, "left out: there is no such limit", value);
    }
    // NaN, 0 and less mean to Node: no limit.
    if (value !== undefined && !(typeof value === "number" && value > 0 && value < Infinity)) {
      throw new OptionError(option, "a number above 0", value);
    }
    if (name === "stackSizeMb" && typeof value === "number" && value < minStackMb) {
      throw new OptionError(option, `at least ${minStackMb}`, value);
    }
  }
  return { ...limits };
}

function envOf(env: InThreadsOptions["env"]): ThreadsSettings["env"] {
  if (env === undefined || env === SHARE_ENV) return env;
  if (typeof env !== "object" || env === null || Array.isArray(env)) {
    throw new OptionError("env", "an object of texts, or SHARE_ENV", env);
  }
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries<unknown>(env)) {
    if (value === undefined) continue; // Node would make the text "undefined" of it.
    if (typeof value !== "string") throw new OptionError(`env.${name}`, "a text", value);
    set[name] = value;
  }
  return set;
}
