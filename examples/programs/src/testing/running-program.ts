/** Owns the programs that tests run as processes of their own: what they print, and how they end. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, expect } from "vitest";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));

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

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves with the first match of `pattern` in the output; rejects when the program ends without one. */
  printed(pattern: RegExp, to: "stdout" | "stderr" = "stdout"): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(to === "stdout" ? this.#stdout : this.#stderr);
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

/** Starts a built program. Of the environment it sees only what it needs, and `env`. */
export function startProgram(
  file: URL,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): RunningProgram {
  return spawned(process.execPath, [fileURLToPath(file), ...args], env);
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

/** Expects that a program ended with one line, which says what was wrong. */
export function expectOneLine(ended: Ended, exitCode: number, text: string | RegExp): void {
  expect(ended.stderr).toMatch(/^error: [^\n]+\n$/);
  expect(ended.stderr).toMatch(text);
  expect(stripVTControlCharacters(ended.stdout)).not.toMatch(/^\s+at /m);
  expect(ended.exitCode).toBe(exitCode);
}
