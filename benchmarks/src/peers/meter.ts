/**
 * Owns the count of messages that a peer has done, and the waiting for a number of them. It never reads a clock
 * or the CPU.
 */

interface Mark {
  readonly messages: number;
  readonly reached: () => void;
}

export class Meter {
  #messages = 0;
  #mark: Mark | undefined;

  get messages(): number {
    return this.#messages;
  }

  count(messages: number): void {
    this.#messages += messages;
    const mark = this.#mark;
    if (mark === undefined || this.#messages < mark.messages) return;
    this.#mark = undefined;
    mark.reached();
  }

  /** Resolves when so many have been counted in all. One can wait at a time. */
  whenCounted(messages: number): Promise<void> {
    if (this.#messages >= messages) return Promise.resolve();
    return new Promise((reached) => {
      this.#mark = { messages, reached };
    });
  }
}
