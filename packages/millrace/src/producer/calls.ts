/**
 * Owns what a producer's calls have in common: they are counted, and each one ends. It never decides which
 * calls are made.
 */
import type { Clock } from "../clock.ts";
import type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "../sqs/api.ts";
import { boundedCall } from "../sqs/bounded-call.ts";

/**
 * When a call is given up that has not ended by itself. A cap, whatever the port allows itself: HttpSqs in its
 * defaults stays below it once it is set up, and is cut off by it with a `requestTimeoutMs` of minutes.
 */
const callTimeoutMs = 60_000;

/** An SqsApi in front of another, which may take for ever. */
export class Calls implements SqsApi {
  readonly #sqs: SqsApi;
  readonly #clock: Clock;
  readonly #counts = new Map<SqsOperation, number>();

  constructor(sqs: SqsApi, clock: Clock) {
    this.#sqs = sqs;
    this.#clock = clock;
  }

  /** Calls made, by operation. */
  get counts(): Readonly<Partial<Record<SqsOperation, number>>> {
    return Object.fromEntries(this.#counts);
  }

  call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options?: SqsCallOptions,
  ): Promise<SqsOutput<O>> {
    this.#counts.set(operation, (this.#counts.get(operation) ?? 0) + 1);
    const bounds = { clock: this.#clock, timeoutMs: callTimeoutMs, signal: options?.signal };
    return boundedCall(this.#sqs, operation, input, bounds);
  }
}
