/**
 * Owns one poll as SQS sees it: what is asked for, under which attempt id, and what of the answer is a list
 * of messages. It never decides when a poll is opened, nor what becomes of what it brings.
 */
import type { Clock } from "../clock.ts";
import { drawId } from "../random.ts";
import type { Random } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { boundedCall } from "../sqs/bounded-call.ts";
import { SqsError } from "../sqs/errors.ts";
import type { ReceivedMessage, ReceiveMessageOutput } from "../sqs/operations.ts";
import { systemAttributeNames } from "./message.ts";

/** How long an answer may take beyond the wait that the poll asked for. */
const pollSlackMs = 5_000;
/** SQS remembers an attempt for five minutes; a little less, since it counts from when it answered. */
const attemptMs = 290_000;

/**
 * A poll that is to be opened, or opened anew. On a FIFO queue it has an attempt id: SQS answers a second
 * receive of that id with the same messages and handles, as long as nobody has touched them (AWS API
 * reference, ReceiveMessage, ReceiveRequestAttemptId). So a poll whose answer was lost is opened again
 * with its id.
 */
export interface Poll {
  /** How many messages it asks for, 1 to 10. */
  readonly wanted: number;
  /** Undefined on standard queues. */
  readonly attemptId: string | undefined;
  /** When it was first opened, on the monotonic clock; undefined before. */
  readonly firstAtMs: number | undefined;
}

export function newPoll(wanted: number, fifo: boolean, random: Random): Poll {
  return { wanted, attemptId: fifo ? drawId(random) : undefined, firstAtMs: undefined };
}

/** Whether SQS still knows what it has handed out to a poll that was opened before. */
export function isRemembered({ firstAtMs }: Poll, nowMs: number): boolean {
  return firstAtMs !== undefined && nowMs - firstAtMs <= attemptMs;
}

/**
 * Whether a poll that failed with `error` may have been handed messages all the same. One that SQS has
 * refused or throttled was not, unless an attempt before was lost in the same call, and its attempt id is spent: SQS
 * refuses to see it again.
 */
export function mayHaveBrought({ attemptId }: Poll, error: Error): boolean {
  return attemptId !== undefined && !(error instanceof SqsError && !error.mayBeApplied);
}

/** What a receive is made with. */
export interface ReceiveParts {
  readonly sqs: SqsApi;
  readonly queueUrl: string;
  readonly visibilitySeconds: number;
  readonly clock: Clock;
}

/** What ends a receive, and who gets an answer that comes after its end. */
export interface ReceiveBounds {
  readonly waitSeconds: number;
  readonly signal: AbortSignal | undefined;
  readonly onLate: ((messages: readonly ReceivedMessage[]) => void) | undefined;
}

/** @throws what the call fails with; SqsTimeoutError when no answer came; the signal's reason. */
export async function receive(
  parts: ReceiveParts,
  { wanted, attemptId }: Poll,
  { waitSeconds, signal, onLate }: ReceiveBounds,
): Promise<readonly ReceivedMessage[]> {
  const { sqs, queueUrl, visibilitySeconds, clock } = parts;
  const output = await boundedCall(
    sqs,
    "ReceiveMessage",
    {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: wanted,
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: visibilitySeconds,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: systemAttributeNames,
      ...(attemptId !== undefined && { ReceiveRequestAttemptId: attemptId }),
    },
    {
      clock,
      timeoutMs: waitSeconds * 1_000 + pollSlackMs,
      signal,
      onLate: onLate && ((late) => onLate(messagesOf(late))),
    },
  );
  return messagesOf(output);
}

/** An answer that is no list has brought nothing. */
function messagesOf(output: ReceiveMessageOutput | undefined): readonly ReceivedMessage[] {
  return Array.isArray(output?.Messages) ? output.Messages : [];
}
