/**
 * Owns the reading of what SQS answers to a batch, message by message. It never acts on it.
 */
import { MillraceError } from "../errors.ts";
import { readBatchAnswer, unnamed } from "../sqs/batch-answer.ts";
import type { SendMessageBatchOutput } from "../sqs/operations.ts";

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
  | { readonly kind: "spoiled"; readonly uncertain: boolean }
  | { readonly kind: "refused"; readonly error: unknown; readonly uncertain: boolean };

const operation = "SendMessageBatch";

/**
 * Reads the answer to a batch of `count` entries whose Ids are their indexes.
 *
 * @throws SqsResponseError when it is no answer at all.
 */
export function readAnswer(count: number, output: SendMessageBatchOutput | undefined): Attempt[] {
  const { successful, failed } = readBatchAnswer(operation, output);
  return Array.from({ length: count }, (_, index) => {
    const sent = successful.get(`${index}`);
    const error = failed.get(`${index}`);
    if (error !== undefined) {
      // Of an entry that is in both lists the worse is believed.
      const uncertain = sent !== undefined || error.mayBeApplied;
      return { kind: mayPass(error) ? "failed" : "refused", error, uncertain };
    }
    const { MessageId: messageId, SequenceNumber: number } = sent ?? {};
    if (typeof messageId === "string") {
      const sequenceNumber = typeof number === "string" ? number : undefined;
      return { kind: "sent", result: { messageId, sequenceNumber } };
    }
    return { kind: "failed", error: unnamed(operation, index), uncertain: true };
  });
}

/** Reads the failure of a whole request of `count` entries: it is the same for all. */
export function readRejection(count: number, error: unknown): Attempt[] {
  return Array.from({ length: count }, () => readError(count, error));
}

function readError(count: number, error: unknown): Attempt {
  const uncertain = mayBeApplied(error);
  if (mayPass(error)) return { kind: "failed", error, uncertain };
  if (categoryOf(error) === "invalid" && count > 1) return { kind: "spoiled", uncertain };
  return { kind: "refused", error, uncertain };
}

/** What is no SqsError breaks the port's promise, and says nothing about the message. */
function mayBeApplied(error: unknown): boolean {
  return !(MillraceError.is(error) && "mayBeApplied" in error && error.mayBeApplied === false);
}

function mayPass(error: unknown): boolean {
  const category = categoryOf(error);
  return category === "transient" || category === "throttled";
}

/** By its field, not its class: the port may have been written against another copy of the library. */
function categoryOf(error: unknown): unknown {
  return MillraceError.is(error) && "category" in error ? error.category : undefined;
}
