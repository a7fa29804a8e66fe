/**
 * Owns what deliveries share that are handled together: one signal for all of them. It never settles any.
 */
import type { Delivery } from "./delivery.ts";
import { HandlerRun } from "./handler-run.ts";

/**
 * A batch while its handler runs. Its signal aborts for the first of its deliveries that has a reason:
 * a stop or a timeout, which concern them all, or a lost lease, after which nobody could say what the
 * handler's work on the rest is worth.
 */
export class Batch extends HandlerRun {
  readonly #deliveries: readonly Delivery[];

  constructor(deliveries: readonly Delivery[]) {
    super();
    this.#deliveries = deliveries;
  }

  override get messageIds(): readonly string[] {
    return this.#deliveries.map(({ message }) => message.id);
  }

  /** Aborts each delivery, and with the first of them the batch. */
  override abort(reason: Error): void {
    for (const delivery of this.#deliveries) delivery.abort(reason);
  }

  override onAbort(callback: (() => void) | undefined): void {
    super.onAbort(callback);
    for (const delivery of this.#deliveries) {
      delivery.onAbort(callback === undefined ? undefined : () => this.#follow(delivery));
    }
  }

  #follow({ abortReason }: Delivery): void {
    if (abortReason !== undefined) super.abort(abortReason);
  }
}
