/** Owns the programs that tests run as processes of their own: what they print, how they end, what they leave. */
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, vi } from "vitest";

export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when it has written this to standard error; rejects when it ends without. */
  said(text: string): Promise<void>;
}

const running = new Set<Running>();

// Those of tests that passed have ended.
afterAll(async () => {
  for (const { child, ended } of running) {
    child.kill("SIGKILL");
    await ended;
  }
});

/** Starts a program from dist/. */
export function start(file: string, args: readonly string[], nodeArgs: string[] = []): Running {
  const path = fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
  const child = spawn(process.execPath, [...nodeArgs, path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let stdout = "";
  let stderr = "";
  const listeners = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    for (const listener of listeners) listener();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ exitCode: code ?? undefined, stdout, stderr }));
  });
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stderr.includes(text)) resolve();
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`it never said ${text}:\n${stderr}`)));
    });
  const program = { child, ended, said };
  running.add(program);
  void ended.then(() => running.delete(program));
  return program;
}

/**
 * Gives the programs of the calling file a directory for temporary things of their own.
 *
 * @returns what is there: names of files, and the command lines of processes that have it in theirs.
 */
export function useTemporaryDirectory(): () => Promise<string[]> {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "reliability-test-"));
    // As open as /tmp: under root, Postgres runs as another user.
    await chmod(root, 0o1777);
    vi.stubEnv("TMPDIR", root);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(root, { recursive: true, force: true });
  });
  return async () => {
    // A copy of Postgres's binaries may stay, and is used again.
    const files = (await readdir(root)).filter((name) => !name.includes("binaries"));
    return [...files, ...processesWith(root)];
  };
}

/** Command lines of the processes that have this in theirs. */
export function processesWith(text: string): string[] {
  const processes = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
  return processes.filter((args) => args.includes(text));
}

/** The process with this in its command line. */
export function pidOf(text: string): number {
  const processes = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  const found = processes.find((line) => line.includes(text));
  if (found === undefined) throw new Error(`there is no process with ${text}`);
  return Number.parseInt(found, 10);
}

/** Expects that a program ended with one line, which says what was wrong. */
export function expectOneLine(ended: Ended, exitCode: number, text: RegExp): void {
  expect(ended.stderr).toMatch(/^error: [^\n]+\n$/);
  expect(ended.stderr).toMatch(text);
  expect(ended.stdout).toBe("");
  expect(ended.exitCode).toBe(exitCode);
}
