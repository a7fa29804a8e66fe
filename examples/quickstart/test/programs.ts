/** Owns the programs that tests run as processes of their own: what they print, how they end, what they leave. */
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, expect, vi } from "vitest";

const dist = new URL("../dist/", import.meta.url);
const repository = fileURLToPath(new URL("../../../", import.meta.url));

export type ProgramName = "main" | "local" | "sender" | "consumer";

export interface Ended {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** One of the programs, running. */
export class RunningProgram {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Called after each piece of output, and at the end. */
  readonly #watchers = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #over = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    const changed = (): void => {
      for (const watcher of this.#watchers) watcher();
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      changed();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      changed();
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (code) => {
        this.#over = true;
        resolve({ exitCode: code ?? undefined, stdout: this.#stdout, stderr: this.#stderr });
        changed();
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Resolves with the first match of `pattern` in the output; rejects when the program ends without one. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.#stdout);
        if (match === null && !this.#over) return;
        this.#watchers.delete(look);
        if (match !== null) resolve(match);
        else reject(new Error(`${pattern} was never printed:\n${this.#stdout}\n${this.#stderr}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** As when the reader of a pipe has ended. */
  stopReading(): void {
    this.#child.stdout?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** To the program and all that it has started, but for what has left its group: Ctrl-C in a terminal. */
  killGroup(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid !== undefined) process.kill(-pid, signal);
  }
}

const running = new Set<RunningProgram>();

// Not after each: tests of a file may run at once. Those that pass have waited for theirs.
afterAll(async () => {
  for (const program of running) {
    program.killGroup("SIGKILL");
    await program.ended;
  }
});

/** Starts a program. Of the environment it sees only what it needs, and `env`. */
export function start(
  name: ProgramName,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): RunningProgram {
  const file = fileURLToPath(new URL(`${name}.js`, dist));
  return spawned(process.execPath, [file, ...args], env);
}

/** Runs npm at the root of the repository, in a process group of its own, as a terminal does. */
export function startNpm(...args: readonly string[]): RunningProgram {
  return spawned("npm", args, { npm_config_update_notifier: "false" });
}

function spawned(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningProgram {
  const { PATH, TMPDIR = tmpdir() } = process.env;
  const child = spawn(file, args, {
    cwd: repository,
    stdio: ["ignore", "pipe", "pipe"],
    // No credentials, no config files and no machine metadata but those that a test gives.
    env: { PATH, TMPDIR, HOME: TMPDIR, AWS_EC2_METADATA_DISABLED: "true", ...env },
    detached: true,
  });
  const program = new RunningProgram(child);
  running.add(program);
  void program.ended.then(() => running.delete(program));
  return program;
}

/** Runs a program to its end. */
export function run(...parameters: Parameters<typeof start>): Promise<Ended> {
  return start(...parameters).ended;
}

/** Expects that a program ended with one line, which says what was wrong. */
export function expectOneLine(ended: Ended, exitCode: number, text: string | RegExp): void {
  expect(ended.stderr).toMatch(/^error: [^\n]+\n$/);
  expect(ended.stderr).toMatch(text);
  expect(stripVTControlCharacters(ended.stdout)).not.toMatch(/^\s+at /m);
  expect(ended.exitCode).toBe(exitCode);
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

/**
 * Gives the programs of the calling file a directory for temporary things of their own.
 *
 * @returns what resolves when no process and no data of their Postgres is left there.
 */
export function useTemporaryDirectory(): () => Promise<void> {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "quickstart-test-"));
    // As open as /tmp: under root, Postgres runs as another user.
    await chmod(root, 0o1777);
    vi.stubEnv("TMPDIR", root);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(root, { recursive: true, force: true });
  });
  const left = async (): Promise<string[]> => {
    const files = await readdir(root);
    const processes = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
    return [
      // A copy of the binaries may stay, and is used again.
      ...files.filter(
        (name) => name.startsWith("millrace-postgres-") && !name.includes("binaries"),
      ),
      ...processes.filter((args) => args.includes(root)),
    ];
  };
  return async () => {
    await vi.waitFor(async () => expect(await left()).toEqual([]), {
      timeout: 30_000,
      interval: 50,
    });
  };
}
