/**
 * Owns the ways of a message from one queue to another: into the dead-letter queue, and out of it again.
 * It never decides when.
 */
import type { Clock } from "millrace";
import type { Ids } from "./ids.ts";
import type { StoredMessage } from "./message.ts";
import type { QueueAttributes } from "./queue-attributes.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import type { Queue } from "./queue.ts";
import { allowsSource } from "./redrive-policy.ts";
import { Refusal } from "./refusal.ts";

/**
 * The rules between a queue and the dead-letter queue that its attributes name.
 *
 * @throws Refusal
 */
export function checkRedrivePolicy(
  attributes: QueueAttributes,
  arn: string,
  queues: QueueRegistry,
): void {
  const policy = attributes.redrivePolicy;
  if (policy === undefined) return;
  const target = queues.findByArn(policy.deadLetterTargetArn);
  let reason: string | undefined;
  if (target === undefined) {
    reason = "Dead letter target does not exist.";
  } else if (target.attributes.fifo !== attributes.fifo) {
    reason = "Dead-letter queue must be same type of queue as the source.";
  } else if (target.arn === arn) {
    reason = "A queue cannot be its own dead-letter queue.";
  } else if (!allowsSource(target.attributes.redriveAllowPolicy, arn)) {
    reason = "The dead-letter queue's redrive allow policy does not allow this queue.";
  }
  if (reason === undefined) return;
  const text = `Value ${JSON.stringify(policy)} for parameter RedrivePolicy is invalid. Reason: ${reason}`;
  throw new Refusal("InvalidParameterValue", text);
}

/**
 * Puts a copy of a message into its queue's dead-letter queue. The id, the count of receives and, on
 * standard queues, the time from which retention counts stay; a FIFO queue counts from now.
 *
 * @returns false when the dead-letter queue does not exist any more.
 */
export function deadLetter(
  from: Queue,
  { content, retainedFromMs, receiveCount, firstReceivedAt }: StoredMessage,
  queues: QueueRegistry,
  clock: Clock,
): boolean {
  const target = queues.findByArn(from.attributes.redrivePolicy?.deadLetterTargetArn ?? "");
  if (target === undefined) return false;
  target.accept(
    { ...content, deadLetterSourceArn: from.arn },
    {
      retainedFromMs: from.attributes.fifo ? clock.monotonicMs() : retainedFromMs,
      receiveCount,
      firstReceivedAt,
    },
  );
  return true;
}

/** Sends a message on as a new one: new id, never received, sent now. */
export function redrive({ content }: StoredMessage, to: Queue, ids: Ids, clock: Clock): void {
  to.accept(
    { ...content, id: ids.next(), sentAt: clock.now(), deadLetterSourceArn: undefined },
    { retainedFromMs: clock.monotonicMs() },
  );
}
