/**
 * Owns how many polls may be open at once: one when the queue is quiet, more while answers come back
 * full. It never opens a poll. To change how polling adapts, change this file.
 */

/**
 * However many the permits allow: when the queue runs dry, each holds a connection for the rest of its wait, and
 * settlements and extensions need some as well. The AWS SDK's client has 50 by default. Where an answer
 * takes 10 ms, forty bring 40,000 messages a second.
 */
const maxPolls = 40;

/** What an answer that was not full takes off the level. */
const partialStep = 0.25;
const emptyStep = 0.5;

/**
 * The number of polls to keep open. A full answer says that more is waiting and raises it by one; a
 * partial answer lowers it by a quarter, an empty one by a half: SQS samples its servers, so that a
 * single empty answer out of several says little. An error lowers it to one, so that a single poll
 * finds out whether the trouble is over.
 */
export class PollLevel {
  readonly #max: number;
  #level = 1;

  /** @param max polls that the permits allow, at least 1. */
  constructor(max: number) {
    this.#max = Math.min(max, maxPolls);
  }

  get polls(): number {
    return Math.floor(this.#level);
  }

  /** A poll asked for `requested` and brought `count`. */
  answered(count: number, requested: number): void {
    if (count >= requested) this.#set(this.#level + 1);
    else this.#set(this.#level - (count === 0 ? emptyStep : partialStep));
  }

  failed(): void {
    this.#level = 1;
  }

  #set(level: number): void {
    this.#level = Math.min(Math.max(level, 1), this.#max);
  }
}
