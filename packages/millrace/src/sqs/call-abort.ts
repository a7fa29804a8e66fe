/**
 * Owns the abort of one call that has bounds: an AbortSignal that is made only for those who ask for one, which
 * our own client does not. It never decides when to abort.
 */
import type { SqsCallOptions } from "./api.ts";

/** What a call can be aborted by. */
export type Abortable = AbortSignal | CallAbort;

/**
 * The part of an AbortSignal that HttpSqs uses, at a tenth of its cost: making one for each call, and adding
 * and removing its listener, took a twentieth of the consumer's CPU time at a deep backlog.
 */
export class CallAbort {
  #aborted = false;
  #reason: unknown;
  /** One is enough: the attempts of a call come one after the other. */
  #listener: (() => void) | undefined;
  #controller: AbortController | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  /** What it was aborted with. */
  get reason(): unknown {
    return this.#reason;
  }

  /** The same as an AbortSignal. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#listener?.();
  }

  /** Takes the place of the listener before. */
  addEventListener(_type: "abort", listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
  }
}

/** Options of a call whose abort our own client takes as it is. To everybody else they are like any other. */
export class BoundedCallOptions implements SqsCallOptions {
  readonly abort: CallAbort = new CallAbort();

  get signal(): AbortSignal {
    return this.abort.signal;
  }
}

/** What a call with these options can be aborted by. */
export function abortableOf(options: SqsCallOptions): Abortable | undefined {
  return options instanceof BoundedCallOptions ? options.abort : options.signal;
}

export function signalOf(abortable: Abortable | undefined): AbortSignal | undefined {
  return abortable instanceof CallAbort ? abortable.signal : abortable;
}
