/**
 * Owns the count of what is on a queue of the local SQS, asked of its service directly: no request, no fault. It
 * never changes the queue.
 */
import type { SqsService } from "@millrace/local-sqs";
import { sleep, systemClock } from "millrace";

const names = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
] as const;

const lookEveryMs = 50;

/** Visible, in flight, or delayed. */
export async function queuedMessages(service: SqsService, queueUrl: string): Promise<number> {
  const { Attributes: attributes = {} } = await service.call("GetQueueAttributes", {
    QueueUrl: queueUrl,
    AttributeNames: [...names],
  });
  return names.reduce((sum, name) => sum + Number(attributes[name]), 0);
}

/**
 * Resolves when the queue is empty, or the time is over.
 *
 * @throws the signal's reason.
 */
export async function untilEmpty(
  service: SqsService,
  queueUrl: string,
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + withinMs;
  while ((await queuedMessages(service, queueUrl)) > 0 && systemClock.monotonicMs() < deadlineMs) {
    await sleep(systemClock, lookEveryMs, signal);
  }
}
