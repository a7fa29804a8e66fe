/**
 * Owns the port through which everything in this library reaches SQS. It never says how a call gets
 * there: HttpSqs, fromSdk and the local SQS each answer that in their own way.
 */
import type { SqsOperations } from "./operations.ts";

/** An operation's name, as AWS spells it. */
export type SqsOperation = keyof SqsOperations;
/** What an operation takes. */
export type SqsInput<O extends SqsOperation> = SqsOperations[O]["input"];
/** What an operation answers. */
export type SqsOutput<O extends SqsOperation> = SqsOperations[O]["output"];

/** Options of one call. */
export interface SqsCallOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Speaks SQS. What an implementation must promise, and the contract suite in test/sqs/contract.ts checks:
 *
 * - `call` resolves with the operation's answer, in AWS's own shape; binary values are Uint8Array.
 * - It rejects with an `SqsError` (see errors.ts) and nothing else, except with `signal.reason` after
 *   an abort. It never throws synchronously.
 * - After an abort it settles promptly and holds no socket, timer or listener of that call. A receive
 *   whose answer has begun to arrive when the abort comes may still resolve with it: those messages
 *   are in flight and someone has to give them back.
 * - No call stays open for ever: each has a deadline of its own, longer than WaitTimeSeconds.
 * - A call may have been applied though it rejected, and may have been applied twice. The error's
 *   `mayBeApplied` says so, for all attempts that were made of the call.
 * - No secret is part of any error.
 */
export interface SqsApi {
  call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options?: SqsCallOptions,
  ): Promise<SqsOutput<O>>;
}
