/**
 * Owns the signal of a handler's run: when it aborts, and why. It never runs a handler.
 */

/** What is aborted when a handler should end: a delivery, or a batch of them. */
export abstract class HandlerRun {
  #controller: AbortController | undefined;
  #reason: Error | undefined;
  /** Called when #reason is set; one at most waits for it. */
  #onAbort: (() => void) | undefined;

  /** The messages that it is about. */
  abstract get messageIds(): readonly string[];

  /** Aborts on timeout, on a lost lease and at stop's deadline. Made on first use: many handlers never ask. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why the signal aborted; undefined while it has not. */
  get abortReason(): Error | undefined {
    return this.#reason;
  }

  /** Aborts the signal; the first reason stands. */
  abort(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#onAbort?.();
    this.#controller?.abort(reason);
  }

  /**
   * Sets the one callback for an abort, or removes it; called at once when it has aborted already. It costs
   * less than a listener on a signal.
   */
  onAbort(callback: (() => void) | undefined): void {
    this.#onAbort = callback;
    if (callback !== undefined && this.#reason !== undefined) callback();
  }
}
