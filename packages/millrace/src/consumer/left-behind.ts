/**
 * Owns the trace of handlers that were left behind: how many still run, and what is logged of them. It never ends one,
 * which nobody can.
 */
import type { HandlerRun } from "./handler-run.ts";
import type { Logger } from "./logger.ts";

/** Of one consumer, across its starts and stops: what was left behind by one stop may still run after the next. */
export class LeftBehind {
  readonly #logger: Logger;
  #count = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** How many still run. */
  get count(): number {
    return this.#count;
  }

  /** Counts a run that was left behind, until what runs has ended after all. */
  add(run: HandlerRun, running: Promise<unknown>): void {
    const { messageIds, abortReason } = run;
    this.#count += 1;
    this.#logger.warn("a handler that ignores its signal is left behind, and may run on", {
      messageIds,
      error: abortReason,
    });
    const ended = (data: object): void => {
      this.#count -= 1;
      this.#logger.info("a handler that was left behind has ended", { messageIds, ...data });
    };
    running.then(
      () => ended({}),
      (error: unknown) => ended({ error }),
    );
  }
}
