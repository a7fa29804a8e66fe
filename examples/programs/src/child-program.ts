/**
 * Owns one program of this repository that runs as a child of this one: its start, that it is ready, its end by
 * SIGTERM or SIGKILL. It never starts another in its place.
 */
import { fork } from "node:child_process";
import type { ChildProcess, Serializable } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sleep, systemClock } from "millrace";

export interface ChildProgramOptions {
  /** The built program. */
  readonly file: URL;
  readonly args?: readonly string[] | undefined;
  /** What it sees beyond this program's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Told at once, for a child that waits for it. */
  readonly message?: Serializable | undefined;
  /** Whether what it prints is to be seen. */
  readonly quiet?: boolean | undefined;
}

/** How a program ended. */
export interface Exit {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** What a child tells once it does what it is for; the rest is its own. */
export interface ReadyNews {
  readonly type: "ready";
  readonly address?: string | undefined;
}

/** A child ended before it was ready, or was not there to be started. */
export class ChildFailedError extends Error {}

const stderrChars = 4_096;

/**
 * It is in a process group of its own, since Ctrl-C in the terminal is for its parent, which ends its children
 * in its own order. When its parent goes without a word, its channel closes, and it ends by itself.
 */
export class ChildProgram {
  readonly pid: number;
  /** Resolves with what it says when it is ready; rejects with ChildFailedError when it ends before. */
  readonly ready: Promise<ReadyNews>;
  /** Resolves with the first message of another type than "ready", undefined when it ends without one. */
  readonly told: Promise<unknown>;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  /** Written by kill and stop. */
  #asked = false;
  /** The end of what it wrote to standard error. */
  #stderr = "";

  constructor({ file, args = [], env = {}, message, quiet = false }: ChildProgramOptions) {
    const child = fork(fileURLToPath(file), args, {
      execArgv: [],
      env: { ...process.env, ...env },
      stdio: ["ignore", quiet ? "ignore" : "inherit", "pipe", "ipc"],
      detached: true,
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrChars);
    });
    this.exited = new Promise((resolve) => {
      child.once("close", (exitCode, signal) =>
        resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined }),
      );
      child.on("error", (error) => {
        this.#stderr += error.message;
        if (child.pid === undefined) resolve({ exitCode: undefined, signal: undefined });
      });
    });
    this.ready = new Promise((resolve, reject) => {
      child.on("message", (news) => {
        if (isReady(news)) resolve(news);
      });
      void this.exited.then((exit) => reject(new ChildFailedError(this.lastWords(exit))));
    });
    // Whoever does not wait for it learns of its end by `exited`.
    this.ready.catch(() => {});
    this.told = new Promise((resolve) => {
      child.on("message", (news) => {
        if (!isReady(news)) resolve(news);
      });
      void this.exited.then(() => resolve(undefined));
    });
    // It may be gone before it reads it; its exit says so.
    if (message !== undefined) child.send(message, () => {});
  }

  /** Whether its end, should it come, is one that was asked for. */
  get asked(): boolean {
    return this.#asked;
  }

  /** Why it ended: what it wrote last, else how. */
  lastWords({ exitCode, signal }: Exit): string {
    const said = this.#stderr.trim().replace(/^error: /, "");
    return said === "" ? `ended by ${signal ?? `exit code ${exitCode}`}` : said;
  }

  /** SIGKILL, whatever it is doing. */
  async kill(): Promise<void> {
    this.#asked = true;
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** SIGTERM, and SIGKILL when it is still there after `withinMs`. */
  async stop(withinMs: number): Promise<Exit> {
    this.#asked = true;
    this.#child.kill("SIGTERM");
    const over = new AbortController();
    const late = sleep(systemClock, withinMs, over.signal).then(
      () => this.kill(),
      () => {}, // It ended in time.
    );
    const exit = await this.exited;
    over.abort();
    await late;
    return exit;
  }
}

function isReady(news: unknown): news is ReadyNews {
  return typeof news === "object" && news !== null && "type" in news && news.type === "ready";
}
