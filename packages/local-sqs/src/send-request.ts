/**
 * Owns a send as it was asked for: AWS's rules for a message, its size, and its digests. It never looks
 * at what the queue holds.
 */
import { hash } from "node:crypto";
import type { SendMessageBatchEntry } from "millrace";
import {
  maxDelaySeconds,
  maxPayloadBytes,
  optionalInteger,
  required,
  requireText,
  requireToken,
  utf8Bytes,
} from "./limits.ts";
import { attributesMd5, checkAttributes, checkTraceHeader } from "./message-attributes.ts";
import type { Draft } from "./message.ts";
import type { QueueAttributes } from "./queue-attributes.ts";
import { missingParameter, Refusal, wrongQueueType } from "./refusal.ts";

type SendInput = Omit<SendMessageBatchEntry, "Id">;

/** @throws Refusal */
export function readDraft(input: SendInput, queue: QueueAttributes): Draft {
  const body = required(input.MessageBody, "MessageBody");
  const attributes = checkAttributes(input.MessageAttributes);
  const traceHeader = checkTraceHeader(input.MessageSystemAttributes);
  const bytes = utf8Bytes(body) + attributes.bytes;
  if (bytes > queue.maximumMessageBytes) {
    const text = `One or more parameters are invalid. Reason: Message must be shorter than ${queue.maximumMessageBytes} bytes.`;
    throw new Refusal("InvalidParameterValue", text);
  }
  requireText(body);
  const { MessageGroupId: groupId } = input;
  if (groupId !== undefined) requireToken(groupId, "MessageGroupId");
  return {
    body,
    bodyMd5: hash("md5", body),
    attributes: attributes.values,
    attributesMd5: attributes.values && attributesMd5(attributes.values),
    traceHeader,
    traceHeaderMd5:
      traceHeader === undefined
        ? undefined
        : attributesMd5({ AWSTraceHeader: { DataType: "String", StringValue: traceHeader } }),
    groupId,
    deduplicationId: readDeduplicationId(input, body, queue),
    delaySeconds: readDelay(input.DelaySeconds, queue),
  };
}

/**
 * What a FIFO queue needs of a message. In a batch AWS refuses all entries when one lacks it.
 *
 * @throws Refusal
 */
export function requireFifoParameters(input: SendInput, queue: QueueAttributes): void {
  if (!queue.fifo) return;
  if (input.MessageGroupId === undefined) throw missingParameter("MessageGroupId");
  if (input.MessageDeduplicationId === undefined && !queue.contentBasedDeduplication) {
    throw new Refusal(
      "InvalidParameterValue",
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
}

/**
 * A batch is refused as a whole when its messages are too long together.
 *
 * @throws Refusal
 */
export function requireBatchSize(entries: readonly SendInput[]): void {
  let bytes = 0;
  for (const { MessageBody: body, MessageAttributes: attributes } of entries) {
    bytes += utf8Bytes(body ?? "");
    for (const [name, value] of Object.entries(attributes ?? {})) {
      bytes += utf8Bytes(name) + utf8Bytes(value.DataType ?? "");
      bytes += utf8Bytes(value.StringValue ?? "") + (value.BinaryValue?.length ?? 0);
    }
  }
  if (bytes <= maxPayloadBytes) return;
  const text = `Batch requests cannot be longer than ${maxPayloadBytes} bytes. You have sent ${bytes} bytes.`;
  throw new Refusal("BatchRequestTooLong", text);
}

function readDeduplicationId(
  { MessageDeduplicationId: given }: SendInput,
  body: string,
  queue: QueueAttributes,
): string | undefined {
  if (given !== undefined) {
    if (!queue.fifo) throw wrongQueueType(given, "MessageDeduplicationId");
    requireToken(given, "MessageDeduplicationId");
    return given;
  }
  return queue.fifo ? hash("sha256", body) : undefined;
}

/** FIFO queues take a delay for the whole queue only; 0 is let through, as AWS does. */
function readDelay(given: number | undefined, queue: QueueAttributes): number {
  const delay = optionalInteger(given, "DelaySeconds", 0, maxDelaySeconds);
  if (queue.fifo && delay !== undefined && delay > 0) throw wrongQueueType(delay, "DelaySeconds");
  return queue.fifo ? queue.delaySeconds : (delay ?? queue.delaySeconds);
}
