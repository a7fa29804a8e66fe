/**
 * Owns one consumer process as seen from outside: its start, its end by SIGKILL or SIGTERM, what it told. It
 * never starts another in its place.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { sleep, systemClock } from "millrace";
import { isConsumerNews } from "./consumer-job.ts";
import type { ConsumerFigures, ConsumerJob } from "./consumer-job.ts";

/** How a process ended. */
export interface Exit {
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** How a process ended that was asked to. */
export interface CleanStop extends Exit {
  readonly durationMs: number;
  /** Undefined when it did not live to tell them. */
  readonly figures: ConsumerFigures | undefined;
}

const stderrChars = 4_096;

const program = new URL("./consumer-program.js", import.meta.url);

export class ConsumerProcess {
  readonly pid: number;
  /** Resolves when it polls, or has ended. */
  readonly consuming: Promise<void>;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  /** Written once, by the last of its news. */
  #figures: ConsumerFigures | undefined;
  /** Written by kill and stop. */
  #asked = false;
  /** The end of it. */
  #stderr = "";

  constructor(job: ConsumerJob) {
    // The arguments are for those who look at a list of processes.
    const child = fork(program, [`of-soak-${process.pid}`, job.name], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // Ctrl-C in the terminal is for the soak, which ends its processes in its own order.
      detached: true,
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrChars);
    });
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) =>
        resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }),
      );
      child.on("error", ({ message }) => {
        this.#stderr += message;
        if (child.pid === undefined) resolve({ exitCode: undefined, signal: undefined });
      });
    });
    this.consuming = new Promise((resolve) => {
      child.on("message", (news) => {
        if (!isConsumerNews(news)) return;
        if (news.type === "stopped") this.#figures = news;
        else resolve();
      });
      child.once("close", () => resolve());
    });
    // It may be gone before it reads it; its exit says so.
    child.send(job, () => {});
  }

  /** Whether its end, should it come, is one that was asked for. */
  get asked(): boolean {
    return this.#asked;
  }

  /** What it wrote to standard error, the end of it. */
  get stderr(): string {
    return this.#stderr.trim();
  }

  /** SIGKILL, whatever it is doing. */
  async kill(): Promise<void> {
    this.#asked = true;
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** SIGTERM, and SIGKILL when it is still there after `withinMs`. */
  async stop(withinMs: number): Promise<CleanStop> {
    this.#asked = true;
    const startedMs = systemClock.monotonicMs();
    this.#child.kill("SIGTERM");
    const over = new AbortController();
    const late = sleep(systemClock, withinMs, over.signal).then(
      () => this.kill(),
      () => {}, // It ended in time.
    );
    const exit = await this.exited;
    const durationMs = systemClock.monotonicMs() - startedMs;
    over.abort();
    await late;
    return { ...exit, durationMs, figures: this.#figures };
  }
}
