/**
 * Owns the reading of what SQS answers to a batch, message by message. It never acts on it.
 */
import { MillraceError } from "../errors.ts";
import { SqsResponseError, SqsServiceError } from "../sqs/errors.ts";
import type { BatchResultErrorEntry, SendMessageBatchOutput } from "../sqs/operations.ts";

/** What SQS has of a message once it was sent. */
export interface SendResult {
  readonly messageId: string;
  /** Its place in the queue, on FIFO queues. */
  readonly sequenceNumber?: string | undefined;
}

/**
 * What became of one message in one request.
 *
 * - `sent`: SQS has it.
 * - `failed`: not this time, and trying again may help.
 * - `spoiled`: the whole request was refused as wrong, and it held others too. Whose fault it was shows when
 *   each is sent alone.
 * - `refused`: SQS will not take it, or what went wrong is not known to pass.
 *
 * `uncertain`: no clear answer came, and SQS may have it all the same.
 */
export type Attempt =
  | { readonly kind: "sent"; readonly result: SendResult }
  | { readonly kind: "failed"; readonly error: unknown; readonly uncertain: boolean }
  | { readonly kind: "spoiled" }
  | { readonly kind: "refused"; readonly error: unknown; readonly uncertain: boolean };

const operation = "SendMessageBatch";

/** Reads the answer to a batch of `count` entries whose Ids are their indexes. */
export function readAnswer(count: number, output: SendMessageBatchOutput): Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const { Id, MessageId, SequenceNumber } of output.Successful ?? []) {
    if (Id === undefined || MessageId === undefined) continue;
    const result = { messageId: MessageId, sequenceNumber: SequenceNumber };
    attempts.set(Id, { kind: "sent", result });
  }
  for (const entry of output.Failed ?? []) {
    if (entry.Id !== undefined) attempts.set(entry.Id, readFailure(entry));
  }
  return Array.from({ length: count }, (_, index) => attempts.get(`${index}`) ?? unanswered(index));
}

function readFailure(entry: BatchResultErrorEntry): Attempt {
  const senderFault = entry.SenderFault ?? false;
  const error = new SqsServiceError({
    operation,
    errorName: entry.Code ?? "Unknown",
    text: entry.Message ?? "no reason was given",
    // An entry has no status of its own; this is what it would have had as a request.
    statusCode: senderFault ? 400 : 500,
    senderFault,
  });
  return { kind: mayPass(error) ? "failed" : "refused", error, uncertain: false };
}

function unanswered(index: number): Attempt {
  const text = `${operation}: the answer says nothing about entry ${index}`;
  return { kind: "failed", error: new SqsResponseError(text, operation), uncertain: true };
}

/** Reads the failure of a whole request of `count` entries: it is the same for all. */
export function readRejection(count: number, error: unknown): Attempt[] {
  return Array.from({ length: count }, () => readError(count, error));
}

function readError(count: number, error: unknown): Attempt {
  const category = categoryOf(error);
  if (mayPass(error)) return { kind: "failed", error, uncertain: category === "transient" };
  if (category === "invalid" && count > 1) return { kind: "spoiled" };
  // What is no SqsError breaks the port's promise, and says nothing about the message.
  return { kind: "refused", error, uncertain: category === undefined };
}

function mayPass(error: unknown): boolean {
  const category = categoryOf(error);
  return category === "transient" || category === "throttled";
}

/** By its field, not its class: the port may have been written against another copy of the library. */
function categoryOf(error: unknown): unknown {
  return MillraceError.is(error) && "category" in error ? error.category : undefined;
}
