/**
 * Owns the consumer processes of a soak: one that lives from beginning to end, so that what it loses over time
 * would show, and one that is ended again and again. It never decides when.
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
  /** The job of the `start`th process in all; the first is the steady one. */
  readonly job: (start: number) => ConsumerJob;
  readonly onCrash: (error: Error) => void;
  /** How long one may take to end after SIGTERM, in ms. */
  readonly stopWithinMs: number;
}

export class ConsumerFleet implements AsyncDisposable {
  readonly #options: ConsumerFleetOptions;
  readonly #steady: ConsumerProcess;
  /** Written by those who end one. */
  #victim: ConsumerProcess;
  /** Every process there was. */
  readonly #all: ConsumerProcess[] = [];
  /** How those ended that were asked to. */
  readonly #stops: CleanStop[] = [];
  #kills = 0;

  constructor(options: ConsumerFleetOptions) {
    this.#options = options;
    this.#steady = this.#launch();
    this.#victim = this.#launch();
  }

  get kills(): number {
    return this.#kills;
  }

  get stops(): readonly CleanStop[] {
    return this.#stops;
  }

  /** How many of all its processes there are now. */
  get alive(): number {
    return this.#all.filter(({ pid }) => isAlive(pid)).length;
  }

  /** Resolves when both poll. */
  async consuming(): Promise<void> {
    await Promise.all([this.#steady.consuming, this.#victim.consuming]);
  }

  /** Kills the victim, and starts another in its place. */
  async killVictim(): Promise<void> {
    await this.#victim.kill();
    this.#kills += 1;
    this.#victim = this.#launch();
  }

  /** Asks the victim to end, in the midst of its work, and starts another in its place. */
  async replaceVictim(): Promise<void> {
    await this.stopVictim();
    this.#victim = this.#launch();
  }

  /** Asks the victim to end. */
  async stopVictim(): Promise<void> {
    this.#stops.push(await this.#victim.stop(this.#options.stopWithinMs));
  }

  /** Asks the steady one to end. */
  async stopSteady(): Promise<void> {
    this.#stops.push(await this.#steady.stop(this.#options.stopWithinMs));
  }

  /** Kills what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((each) => each.kill()));
  }

  #launch(): ConsumerProcess {
    const process = new ConsumerProcess(this.#options.job(this.#all.length));
    this.#all.push(process);
    void this.#watch(process);
    return process;
  }

  /** Never rejects. */
  async #watch(process: ConsumerProcess): Promise<void> {
    const { exitCode, signal } = await process.exited;
    if (process.asked) return;
    const how = signal ?? `exit code ${exitCode}`;
    this.#options.onCrash(new ConsumerCrashedError(how, process.stderr));
  }
}
