/**
 * Owns the reading of a batch call's answer, entry by entry. It never repeats a call.
 */
import { boundedCall } from "../sqs/bounded-call.ts";
import type { CallBounds } from "../sqs/bounded-call.ts";
import type { SqsApi, SqsInput } from "../sqs/api.ts";
import { SqsError, SqsResponseError, SqsServiceError } from "../sqs/errors.ts";
import type { BatchOutput, BatchResultErrorEntry } from "../sqs/operations.ts";

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
    const failed: EntryResult = { done: false, permanent: false, error: asError(error, operation) };
    return Array.from({ length: count }, () => failed);
  }
}

function read(operation: string, count: number, output: BatchOutput): EntryResult[] {
  const results = new Map<string, EntryResult>();
  for (const entry of list(output.Successful)) {
    if (typeof entry?.Id === "string") results.set(entry.Id, done);
  }
  // After the successful ones: of an entry that is in both lists the worse is believed.
  for (const entry of list(output.Failed)) {
    if (typeof entry?.Id === "string") results.set(entry.Id, failure(operation, entry));
  }
  const silent: EntryResult = {
    done: false,
    permanent: false,
    error: new SqsResponseError(`${operation}: the answer says nothing of an entry`, operation),
  };
  return Array.from({ length: count }, (_, index) => results.get(String(index)) ?? silent);
}

function failure(operation: string, entry: BatchResultErrorEntry): EntryResult {
  const error = new SqsServiceError({
    operation,
    errorName: entry.Code ?? "Unknown",
    text: entry.Message ?? "no message",
    statusCode: 200,
    senderFault: entry.SenderFault === true,
  });
  return { done: false, permanent: error.category === "invalid", error };
}

/** A list is what it should be; a server that answers something else has answered nothing. */
function list<T>(value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? value : [];
}

function asError(error: unknown, operation: string): Error {
  if (error instanceof Error) return error;
  if (SqsError.is(error)) return error;
  return new SqsResponseError(`${operation}: failed`, operation, { cause: error });
}
