/**
 * Owns the way of a message into a worker thread: small while it travels, and the same when it is there.
 * It never looks into a body.
 */
import type { Message } from "../consumer/message.ts";

/** A message on its way. What is left out is what the other side can tell by itself. */
export interface PackedMessage {
  readonly id: string;
  readonly idempotencyKey: string | undefined;
  readonly rawBody: string;
  /** Undefined when the body is the raw one: a string would be copied twice. */
  readonly parsed: { readonly body: unknown } | undefined;
  /** Undefined when there are none. */
  readonly attributes: Message["attributes"] | undefined;
  readonly receiveCount: number;
  /** ms since the epoch. */
  readonly sentAt: number;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  readonly sequenceNumber: string | undefined;
  readonly queueUrl: string;
}

export function packMessage(message: Message<unknown>): PackedMessage {
  const { id, body, rawBody, receiveCount, sentAt, queueUrl } = message;
  const { idempotencyKey, groupId, deduplicationId, sequenceNumber } = message;
  return {
    id,
    idempotencyKey,
    rawBody,
    parsed: body === rawBody ? undefined : { body },
    attributes: packAttributes(message.attributes),
    receiveCount,
    sentAt: sentAt.getTime(),
    groupId,
    deduplicationId,
    sequenceNumber,
    queueUrl,
  };
}

/** The message as it was; frozen. */
export function unpackMessage(packed: PackedMessage): Message<unknown> {
  const { id, rawBody, parsed, receiveCount, sentAt, queueUrl } = packed;
  const { idempotencyKey, groupId, deduplicationId, sequenceNumber } = packed;
  return Object.freeze({
    id,
    body: parsed === undefined ? rawBody : parsed.body,
    rawBody,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    attributes: unpackAttributes(packed.attributes),
    receiveCount,
    sentAt: new Date(sentAt),
    ...(groupId !== undefined && { groupId }),
    ...(deduplicationId !== undefined && { deduplicationId }),
    ...(sequenceNumber !== undefined && { sequenceNumber }),
    queueUrl,
  });
}

function packAttributes(attributes: Message["attributes"]): PackedMessage["attributes"] {
  let packed: Record<string, string | Uint8Array> | undefined;
  for (const name of Object.keys(attributes)) {
    const value = attributes[name] ?? "";
    packed ??= withoutPrototype();
    // A copy of its own: of a view, structured clone copies the whole buffer behind it, a pool of 8 KiB.
    packed[name] = typeof value === "string" ? value : Uint8Array.from(value);
  }
  return packed;
}

function unpackAttributes(packed: PackedMessage["attributes"]): Message["attributes"] {
  return Object.freeze(Object.assign(withoutPrototype(), packed));
}

/** A record whose only keys are those put in: a sender may name an attribute `__proto__`. */
function withoutPrototype(): Record<string, string | Uint8Array> {
  const record: Record<string, string | Uint8Array> = Object.create(null);
  return record;
}
