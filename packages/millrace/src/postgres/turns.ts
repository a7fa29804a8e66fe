/**
 * Owns turns among the callers of one process: those with one key come one after the other. It never touches
 * the database; so whoever waits here holds no connection.
 */

/** Gives the turns to the next. To be called once. */
export type Leave = () => void;

/** Turns by key, in the order of asking. */
export class Turns {
  /** For each key whose turn somebody has, those who wait for it, oldest first. */
  readonly #waiting = new Map<string, Set<() => void>>();

  /**
   * Resolves when it is the caller's turn with all of the keys. Callers that share some must name them in the
   * same order.
   *
   * @throws the signal's reason when it aborts before; the caller then waits no more, and has no turn.
   */
  async take(keys: readonly string[], signal: AbortSignal): Promise<Leave> {
    const taken: string[] = [];
    const leave = (): void => {
      for (const key of taken) this.#next(key);
    };
    try {
      for (const key of keys) {
        await this.#take(key, signal);
        taken.push(key);
      }
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #take(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(key);
      if (signal.aborted) {
        reject(signal.reason);
      } else if (waiting === undefined) {
        this.#waiting.set(key, new Set());
        resolve();
      } else {
        const begin = (): void => {
          waiting.delete(begin);
          signal.removeEventListener("abort", onAbort);
          resolve();
        };
        const onAbort = (): void => {
          waiting.delete(begin);
          reject(signal.reason);
        };
        waiting.add(begin);
        signal.addEventListener("abort", onAbort, { once: true });
      }
    });
  }

  #next(key: string): void {
    const [begin] = this.#waiting.get(key) ?? [];
    if (begin === undefined) this.#waiting.delete(key);
    else begin();
  }
}
