/**
 * Owns what a handler sees of a message, and its making from what SQS answers. It knows nothing of
 * receipt handles and leases: those are the delivery's.
 */
import { idempotencyAttribute } from "../sqs/idempotency-attribute.ts";
import type { ReceivedMessage } from "../sqs/operations.ts";

/** A message as a handler gets it. Frozen. */
export interface Message<Body = string> {
  /** SQS's MessageId. It changes when the message is redriven from a dead-letter queue. */
  readonly id: string;
  /** The body: parsed and validated if the consumer has a schema, else the string itself. */
  readonly body: Body;
  /** The body as it was sent. */
  readonly rawBody: string;
  /**
   * What the message stands for, as its producer stamped it: it stays the same however often the message is
   * sent, received and redriven. Undefined when it was sent by other means than a `Producer` of Millrace.
   */
  readonly idempotencyKey?: string;
  /**
   * Message attributes by name: text for String and Number (whose digits a number could lose), bytes for
   * Binary. The idempotency key is not among them, so that attributes can be passed on to other messages.
   */
  readonly attributes: Readonly<Record<string, string | Uint8Array>>;
  /** How often SQS has handed the message out, this time included: 1 at first. Approximate, as SQS says. */
  readonly receiveCount: number;
  /** When the producer sent it. */
  readonly sentAt: Date;
  /** The message group: the order of a FIFO queue, the tenant of a standard one. */
  readonly groupId?: string;
  readonly deduplicationId?: string;
  /** FIFO queues only. */
  readonly sequenceNumber?: string;
  readonly queueUrl: string;
}

/** System attributes that a receive has to ask for, so that {@link toMessage} finds them. */
export const systemAttributeNames: readonly string[] = [
  "ApproximateReceiveCount",
  "SentTimestamp",
  "MessageGroupId",
  "MessageDeduplicationId",
  "SequenceNumber",
];

/** The latest that a Date can be. */
const maxDateMs = 8.64e15;

const noAttributes: Message["attributes"] = Object.freeze(withoutPrototype());

/** The message in what SQS answered, its body not yet looked at. What is missing gets the mildest value. */
export function toMessage(received: ReceivedMessage, queueUrl: string): Message {
  const system = received.Attributes ?? {};
  const rawBody = text(received.Body) ?? "";
  const groupId = text(system["MessageGroupId"]);
  const deduplicationId = text(system["MessageDeduplicationId"]);
  const sequenceNumber = text(system["SequenceNumber"]);
  const idempotencyKey = text(received.MessageAttributes?.[idempotencyAttribute]?.StringValue);
  return Object.freeze({
    id: text(received.MessageId) ?? "",
    body: rawBody,
    rawBody,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    attributes: toAttributes(received),
    receiveCount: wholeNumber(system["ApproximateReceiveCount"], Number.MAX_SAFE_INTEGER) ?? 1,
    sentAt: new Date(wholeNumber(system["SentTimestamp"], maxDateMs) ?? 0),
    ...(groupId !== undefined && { groupId }),
    ...(deduplicationId !== undefined && { deduplicationId }),
    ...(sequenceNumber !== undefined && { sequenceNumber }),
    queueUrl,
  });
}

/** The same message with its body parsed. */
export function withBody<Body>(message: Message<unknown>, body: Body): Message<Body> {
  return Object.freeze({ ...message, body });
}

function toAttributes(received: ReceivedMessage): Message["attributes"] {
  if (received.MessageAttributes === undefined || received.MessageAttributes === null) {
    return noAttributes;
  }
  const attributes = withoutPrototype();
  for (const [name, value] of Object.entries(received.MessageAttributes)) {
    if (name === idempotencyAttribute) continue;
    const content = text(value?.StringValue) ?? bytes(value?.BinaryValue);
    if (content !== undefined) attributes[name] = content;
  }
  return Object.freeze(attributes);
}

/** A record whose only keys are those put in: a sender may name an attribute `__proto__`. */
function withoutPrototype(): Record<string, string | Uint8Array> {
  const record: Record<string, string | Uint8Array> = Object.create(null);
  return record;
}

// What a value is does not follow from its type: an SqsApi may be anyone's, and so may what answers it.

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function bytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}

/** From 1 to `max`. */
function wholeNumber(value: unknown, max: number): number | undefined {
  const number = typeof value === "number" ? value : Number(text(value));
  return Number.isInteger(number) && number >= 1 && number <= max ? number : undefined;
}
