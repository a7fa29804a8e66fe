/**
 * Owns a crew of child programs of one kind: as many as asked for, another in the place of each that dies. It
 * never does their work.
 */
import { sleep, systemClock } from "millrace";
import type { Clock } from "millrace";
import type { ChildProgram, ReadyNews } from "programs";

export interface CrewOptions {
  readonly size: number;
  /** Starts the one at a place, 1 to `size`. */
  readonly launch: (place: number) => ChildProgram;
  /** Called when one has died that nobody had asked to, and another is to take its place. */
  readonly onDeath: (place: number, how: string) => void;
  /** Called when it is of no use to start another: the first did not live, or too many after it. */
  readonly onGivenUp: (error: Error) => void;
  readonly clock?: Clock | undefined;
}

/** Between a death that nobody had asked for and the next start. */
const pauseMs = 1_000;
/** So many deaths at birth in a row are no accident. */
const maxStillborn = 5;

export class Crew implements AsyncDisposable {
  readonly #options: CrewOptions;
  readonly #clock: Clock;
  /** By place. Written by launch. */
  readonly #members: ChildProgram[] = [];
  readonly #stopping = new AbortController();
  /** Whether all have been ready once: before that a death means that it does not work at all. Written by ready. */
  #up = false;
  /** In a row, by place. */
  readonly #stillborn: number[] = [];

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    for (let place = 1; place <= options.size; place += 1) this.#launch(place);
  }

  /**
   * Resolves when all of the first are ready, with what they say.
   *
   * @throws ChildFailedError when one of them ends before; the signal's reason, and then all are killed.
   */
  async ready(signal: AbortSignal): Promise<readonly ReadyNews[]> {
    signal.throwIfAborted();
    const giveUp = (): void => void this[Symbol.asyncDispose]();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      const news = await Promise.all(this.#members.map((member) => member.ready));
      this.#up = true;
      return news;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** SIGKILL to the one at a place, and another takes its place. */
  async kill(place: number): Promise<void> {
    const member = this.#members[place - 1];
    if (member === undefined || this.#stopping.signal.aborted) return;
    await member.kill();
    this.#replace(member, place);
  }

  /** Asks all of them to end, and ends those that have not within `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#members.map((member) => member.stop(withinMs)));
  }

  /** Kills what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#members.map((member) => member.kill()));
  }

  #launch(place: number): void {
    const member = this.#options.launch(place);
    this.#members[place - 1] = member;
    void this.#watch(member, place);
  }

  /** Unless it is over, or that has been done. */
  #replace(member: ChildProgram, place: number): void {
    if (this.#stopping.signal.aborted || this.#members[place - 1] !== member) return;
    this.#launch(place);
  }

  /** Never rejects. */
  async #watch(member: ChildProgram, place: number): Promise<void> {
    const { signal } = this.#stopping;
    const exit = await member.exited;
    if (member.asked || signal.aborted) return;
    if (!this.#up) {
      this.#options.onGivenUp(new Error(member.lastWords(exit)));
      return;
    }
    const stillborn = await member.ready.then(
      () => false,
      () => true,
    );
    const deaths = stillborn ? (this.#stillborn[place] ?? 0) + 1 : 0;
    this.#stillborn[place] = deaths;
    if (deaths >= maxStillborn) {
      this.#options.onGivenUp(new Error(member.lastWords(exit)));
      return;
    }
    this.#options.onDeath(place, member.lastWords(exit));
    await sleep(this.#clock, pauseMs, signal).catch(() => {});
    this.#replace(member, place);
  }
}
