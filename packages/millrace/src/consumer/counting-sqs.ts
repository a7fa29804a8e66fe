/**
 * Owns the count of calls that a consumer makes. It changes none of them.
 */
import type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "../sqs/api.ts";

/** An SqsApi that counts into `counts`, in front of the one that calls. */
export class CountingSqs implements SqsApi {
  readonly #sqs: SqsApi;
  readonly #counts: Partial<Record<SqsOperation, number>>;

  constructor(sqs: SqsApi, counts: Partial<Record<SqsOperation, number>>) {
    this.#sqs = sqs;
    this.#counts = counts;
  }

  call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options?: SqsCallOptions,
  ): Promise<SqsOutput<O>> {
    this.#counts[operation] = (this.#counts[operation] ?? 0) + 1;
    return this.#sqs.call(operation, input, options);
  }
}
