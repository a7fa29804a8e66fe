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
  /** Written by #end. */
  readonly #ending = new Set<ConsumerProcess>();
  /** Of every process there was. */
  readonly #pids: number[] = [];
  /** How those ended that were asked to. */
  readonly #stops: CleanStop[] = [];
  #kills = 0;

  constructor(options: ConsumerFleetOptions) {
    this.#options = options;
    for (let each = 0; each < options.size; each += 1) this.#launch();
  }

  get kills(): number {
    return this.#kills;
  }

  get stops(): readonly CleanStop[] {
    return this.#stops;
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

  /** Asks the oldest to end, in the midst of its work, and starts another in its place. */
  async retireOldest(withinMs: number): Promise<void> {
    const oldest = this.#running.shift();
    if (oldest === undefined) return;
    await this.#end(oldest, withinMs);
    this.#launch();
  }

  /** Asks each to end. */
  async stop(withinMs: number): Promise<void> {
    const running = this.#running;
    this.#running = [];
    await Promise.all(running.map((each) => this.#end(each, withinMs)));
  }

  /** Kills what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    const left = [...this.#running, ...this.#ending];
    this.#running = [];
    await Promise.all(left.map((each) => each.kill()));
  }

  async #end(process: ConsumerProcess, withinMs: number): Promise<void> {
    // While it is on its way down, an abort must find it.
    this.#ending.add(process);
    this.#stops.push(await process.stop(withinMs));
    this.#ending.delete(process);
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
