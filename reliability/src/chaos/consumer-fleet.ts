/**
 * Owns the consumer processes of a soak: one that lives from beginning to end, so that what it loses over time
 * would show, and one that is ended again and again. It never decides when.
 */
import type { ChildProgram } from "programs";
import type { ConsumerJob } from "./consumer-job.ts";
import { startConsumer, stopConsumer } from "./consumer-process.ts";
import type { CleanStop } from "./consumer-process.ts";
import { isAlive } from "./is-alive.ts";

/** A consumer process ended that nobody had asked to. */
class ConsumerCrashedError extends Error {
  constructor(lastWords: string) {
    super(`a consumer process failed: ${lastWords}`);
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
  readonly #steady: ChildProgram;
  /** Written by those who end one. */
  #victim: ChildProgram;
  /** Every process there was. */
  readonly #all: ChildProgram[] = [];
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

  /** Resolves when both poll, or have ended. */
  async consuming(): Promise<void> {
    await Promise.allSettled([this.#steady.ready, this.#victim.ready]);
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
    this.#stops.push(await stopConsumer(this.#victim, this.#options.stopWithinMs));
  }

  /** Asks the steady one to end. */
  async stopSteady(): Promise<void> {
    this.#stops.push(await stopConsumer(this.#steady, this.#options.stopWithinMs));
  }

  /** Kills what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((each) => each.kill()));
  }

  #launch(): ChildProgram {
    const consumer = startConsumer(this.#options.job(this.#all.length));
    this.#all.push(consumer);
    void this.#watch(consumer);
    return consumer;
  }

  /** Never rejects. */
  async #watch(consumer: ChildProgram): Promise<void> {
    const exit = await consumer.exited;
    if (!consumer.asked) this.#options.onCrash(new ConsumerCrashedError(consumer.lastWords(exit)));
  }
}
