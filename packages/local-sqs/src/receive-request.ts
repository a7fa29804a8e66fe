/**
 * Owns a receive as it was asked for: its parameters, checked, and what an answer shows of a message.
 * It never chooses messages.
 */
import type { ReceivedMessage, ReceiveMessageInput } from "millrace";
import {
  maxReceiveMessages,
  maxVisibilitySeconds,
  maxWaitSeconds,
  optionalInteger,
  requireToken,
} from "./limits.ts";
import { attributesMd5, pickAttributes, selectAttributes } from "./message-attributes.ts";
import type { AttributeSelection } from "./message-attributes.ts";
import type { StoredMessage } from "./message.ts";
import { isQueueAttribute } from "./queue-attributes.ts";
import { Refusal, wrongQueueType } from "./refusal.ts";

/** A ReceiveMessage whose parameters are right. What was not given is undefined: the queue's own applies. */
export interface ReceiveRequest {
  readonly max: number;
  readonly visibilitySeconds: number | undefined;
  readonly waitSeconds: number | undefined;
  readonly attemptId: string | undefined;
  readonly attributes: AttributeSelection;
  readonly systemAttributes: ReadonlySet<string> | undefined;
}

const systemAttributeNames: readonly string[] = [
  "SenderId",
  "SentTimestamp",
  "ApproximateReceiveCount",
  "ApproximateFirstReceiveTimestamp",
  "SequenceNumber",
  "MessageDeduplicationId",
  "MessageGroupId",
  "AWSTraceHeader",
  "DeadLetterQueueSourceArn",
];

const allSystemAttributes: ReadonlySet<string> = new Set(systemAttributeNames);

/** @throws Refusal */
export function readReceiveRequest(input: ReceiveMessageInput, fifo: boolean): ReceiveRequest {
  const { ReceiveRequestAttemptId: attemptId } = input;
  if (attemptId !== undefined) {
    if (!fifo) throw wrongQueueType(attemptId, "ReceiveRequestAttemptId");
    requireToken(attemptId, "ReceiveRequestAttemptId");
  }
  return {
    max:
      optionalInteger(input.MaxNumberOfMessages, "MaxNumberOfMessages", 1, maxReceiveMessages) ?? 1,
    visibilitySeconds: optionalInteger(
      input.VisibilityTimeout,
      "VisibilityTimeout",
      0,
      maxVisibilitySeconds,
    ),
    waitSeconds: optionalInteger(input.WaitTimeSeconds, "WaitTimeSeconds", 0, maxWaitSeconds),
    attemptId,
    attributes: selectAttributes(input.MessageAttributeNames),
    systemAttributes: selectSystemAttributes(
      input.MessageSystemAttributeNames,
      input.AttributeNames,
    ),
  };
}

/** Both parameters count; AttributeNames may also hold names of queue attributes, which say nothing here. */
function selectSystemAttributes(
  names: readonly string[] | undefined,
  olderNames: readonly string[] | undefined,
): ReadonlySet<string> | undefined {
  const both = [...(names ?? []), ...(olderNames ?? [])];
  if (both.length === 0) return undefined;
  for (const name of both) {
    if (name !== "All" && !allSystemAttributes.has(name) && !isQueueAttribute(name)) {
      throw new Refusal("InvalidAttributeName", `Unknown Attribute ${name}.`);
    }
  }
  return both.includes("All") ? allSystemAttributes : new Set(both);
}

/** A message as this receive is to see it. */
export function present(
  message: StoredMessage,
  request: ReceiveRequest,
  senderId: string,
): ReceivedMessage {
  const { handle, content } = message;
  const { id, draft } = content;
  const attributes =
    draft.attributes === undefined
      ? undefined
      : pickAttributes(draft.attributes, request.attributes);
  if (attributes === undefined && request.systemAttributes === undefined) {
    return {
      MessageId: id,
      ReceiptHandle: handle,
      MD5OfBody: draft.bodyMd5,
      Body: draft.body,
    };
  }
  return {
    MessageId: id,
    ReceiptHandle: handle,
    MD5OfBody: draft.bodyMd5,
    Body: draft.body,
    ...(request.systemAttributes !== undefined && {
      Attributes: presentSystemAttributes(message, request.systemAttributes, senderId),
    }),
    ...(attributes !== undefined && {
      MessageAttributes: attributes,
      MD5OfMessageAttributes:
        request.attributes === "all" ? draft.attributesMd5 : attributesMd5(attributes),
    }),
  };
}

function presentSystemAttributes(
  message: StoredMessage,
  asked: ReadonlySet<string>,
  senderId: string,
): Readonly<Record<string, string>> {
  const shown: Record<string, string> = {};
  for (const name of asked) {
    const value = name === "SenderId" ? senderId : systemAttribute(message, name);
    if (value !== undefined) shown[name] = value;
  }
  return shown;
}

function systemAttribute(message: StoredMessage, name: string): string | undefined {
  const { content } = message;
  switch (name) {
    case "SentTimestamp":
      return String(content.sentAt);
    case "ApproximateReceiveCount":
      return String(message.receiveCount);
    case "ApproximateFirstReceiveTimestamp":
      return String(message.firstReceivedAt);
    case "SequenceNumber":
      return content.sequenceNumber;
    case "MessageDeduplicationId":
      return content.draft.deduplicationId;
    case "MessageGroupId":
      return content.draft.groupId;
    case "AWSTraceHeader":
      return content.draft.traceHeader;
    case "DeadLetterQueueSourceArn":
      return content.deadLetterSourceArn;
    default:
      return undefined;
  }
}
