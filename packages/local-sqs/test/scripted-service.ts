/**
 * Owns a service that answers as a test tells it to, so that what lies before it can be seen alone. It
 * never has a queue.
 */
import { SqsService } from "@millrace/local-sqs";
import type { SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "millrace";
import { VirtualClock } from "millrace/testing";

export interface ScriptedCall {
  readonly operation: SqsOperation;
  readonly input: object;
  readonly signal: AbortSignal | undefined;
  /** Answers the call, with whatever is given. */
  resolve(output: object): void;
  reject(error: unknown): void;
}

export class ScriptedService extends SqsService {
  readonly calls: ScriptedCall[] = [];
  readonly #waiting: ((call: ScriptedCall) => void)[] = [];
  readonly #unseen: ScriptedCall[] = [];
  readonly #answer: ((call: ScriptedCall) => void) | undefined;

  /** @param answer called for each call; without it the test answers what {@link next} gives. */
  constructor(answer?: (call: ScriptedCall) => void, clock: VirtualClock = new VirtualClock()) {
    super({ clock });
    this.#answer = answer;
  }

  override call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    return new Promise((resolve, reject) => {
      const call: ScriptedCall = {
        operation,
        input,
        signal: options.signal,
        resolve,
        reject,
      };
      this.calls.push(call);
      this.#answer?.(call);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#unseen.push(call);
      else waiting(call);
    });
  }

  /** The next call, once it has come. */
  next(): Promise<ScriptedCall> {
    const call = this.#unseen.shift();
    if (call !== undefined) return Promise.resolve(call);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal === undefined || signal.aborted) resolve(signal?.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}
