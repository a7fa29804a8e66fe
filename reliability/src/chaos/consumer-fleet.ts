/**
 * Owns the consumer processes of a soak: that there are always so many, in spite of the kills. It never
 * decides when one is killed.
 */
import type { ConsumerJob } from "./consumer-job.ts";
import { ConsumerProcess } from "./consumer-process.ts";
import type { CleanStop } from "./consumer-process.ts";
import { isAlive } from "./is-alive.ts";

/** A consumer process ended that nobody had asked to. */
class ConsumerCrashedError extends Error {
  constructor(how: string, stderr: string) {
    super(`a consumer process ended by itself (${how})${stderr === "" ? "" : `: ${stderr}`}`);
  }
}

export interface ConsumerFleetOptions {
  readonly size: number;
  /** The job of the `start`th process in all. */
  readonly job: (start: number) => ConsumerJob;
  readonly onCrash: (error: Error) => void;
}

export class ConsumerFleet implements AsyncDisposable {
  readonly #options: ConsumerFleetOptions;
  /** Oldest first. Written by #launch and by those who end one. */
  #running: ConsumerProcess[] = [];
  /** Of every process there was. */
  readonly #pids: number[] = [];
  #kills = 0;

  constructor(options: ConsumerFleetOptions) {
    this.#options = options;
    for (let each = 0; each < options.size; each += 1) this.#launch();
  }

  get kills(): number {
    return this.#kills;
  }

  /** How many of all its processes there are now. */
  get alive(): number {
    return this.#pids.filter(isAlive).length;
  }

  /** Resolves when each polls. */
  async consuming(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.consuming));
  }

  /** Kills the oldest, and starts another in its place. */
  async killOldest(): Promise<void> {
    const oldest = this.#running.shift();
    if (oldest === undefined) return;
    await oldest.kill();
    this.#kills += 1;
    this.#launch();
  }

  /** Asks each to end, and answers how they did. */
  async stop(withinMs: number): Promise<CleanStop[]> {
    const stopped = this.#running;
    this.#running = [];
    return Promise.all(stopped.map((each) => each.stop(withinMs)));
  }

  /** Kills what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    const left = this.#running;
    this.#running = [];
    await Promise.all(left.map((each) => each.kill()));
  }

  #launch(): void {
    const { job, onCrash } = this.#options;
    const process = new ConsumerProcess(job(this.#pids.length));
    this.#pids.push(process.pid);
    this.#running.push(process);
    const crashed = (how: string): void => {
      if (!process.asked) onCrash(new ConsumerCrashedError(how, process.stderr));
    };
    process.exited.then(
      ({ exitCode, signal }) => crashed(signal ?? `exit code ${exitCode}`),
      (error: unknown) => crashed(String(error)),
    );
  }
}
