/**
 * Owns the reading of a batch call's answer, entry by entry. It never repeats a call.
 */
import { boundedCall } from "../sqs/bounded-call.ts";
import type { CallBounds } from "../sqs/bounded-call.ts";
import type { SqsApi, SqsInput } from "../sqs/api.ts";
import { readBatchAnswer, unnamed } from "../sqs/batch-answer.ts";
import { SqsError, SqsResponseError } from "../sqs/errors.ts";
import type { BatchOutput } from "../sqs/operations.ts";

/** The batch operations on deliveries. */
export type DeliveryBatch = "DeleteMessageBatch" | "ChangeMessageVisibilityBatch";

/** What became of one entry. `permanent`: the same entry will be refused again. */
export type EntryResult =
  | { readonly done: true }
  | { readonly done: false; readonly permanent: boolean; readonly error: Error };

const done: EntryResult = { done: true };

/**
 * Makes the call and answers one result an entry, in the entries' order. It never rejects: a call that
 * failed as a whole failed for each entry.
 *
 * The entries' ids are their indexes: a batch can hold two deliveries of one message.
 */
export async function callBatch<O extends DeliveryBatch>(
  sqs: SqsApi,
  operation: O,
  input: SqsInput<O>,
  bounds: CallBounds<BatchOutput>,
): Promise<EntryResult[]> {
  const count = input.Entries.length;
  try {
    return read(operation, count, await boundedCall(sqs, operation, input, bounds));
  } catch (error) {
    const failed = failure(asError(error, operation), false);
    return Array.from({ length: count }, () => failed);
  }
}

function read(operation: string, count: number, output: BatchOutput | undefined): EntryResult[] {
  const { successful, failed } = readBatchAnswer(operation, output);
  return Array.from({ length: count }, (_, index) => {
    const id = String(index);
    const error = failed.get(id);
    // Before the success: of an entry that is in both lists the worse is believed.
    if (error !== undefined) return failure(error, error.category === "invalid");
    return successful.has(id) ? done : failure(unnamed(operation, index), false);
  });
}

function failure(error: Error, permanent: boolean): EntryResult {
  return { done: false, permanent, error };
}

function asError(error: unknown, operation: string): Error {
  if (error instanceof Error) return error;
  if (SqsError.is(error)) return error;
  return new SqsResponseError(`${operation}: failed`, operation, { cause: error });
}
