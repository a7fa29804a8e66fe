/**
 * Owns what deliveries share that are handled together: one signal for all of them. It never settles any.
 */
import type { Delivery } from "./delivery.ts";
import type { Run } from "./handler-call.ts";

/**
 * A batch while its handler runs. Its signal aborts for the first of its deliveries that has a reason:
 * a stop or a timeout, which concern them all, or a lost lease, after which nobody could say what the
 * handler's work on the rest is worth.
 */
export class Batch implements Run {
  readonly #deliveries: readonly Delivery[];
  #abort: AbortController | undefined;
  #abortReason: Error | undefined;
  /** Set by onAbort, for as long as the handler runs. */
  #onAbort: (() => void) | undefined;

  constructor(deliveries: readonly Delivery[]) {
    this.#deliveries = deliveries;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abortReason !== undefined) this.#abort.abort(this.#abortReason);
    }
    return this.#abort.signal;
  }

  get abortReason(): Error | undefined {
    return this.#abortReason;
  }

  abort(reason: Error): void {
    for (const delivery of this.#deliveries) delivery.abort(reason);
  }

  onAbort(callback: (() => void) | undefined): void {
    this.#onAbort = callback;
    for (const delivery of this.#deliveries) {
      delivery.onAbort(callback === undefined ? undefined : () => this.#aborted(delivery));
    }
  }

  #aborted({ abortReason }: Delivery): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = abortReason;
    this.#onAbort?.();
    this.#abort?.abort(abortReason);
  }
}
