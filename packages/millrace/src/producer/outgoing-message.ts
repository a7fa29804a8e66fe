/**
 * Owns the step from what a caller sends to what SQS takes: the encoding of body and attributes, and every
 * rule about them that can be checked here. It never decides when a message goes out.
 */
import { describe, toError } from "../errors.ts";
import { drawId } from "../random.ts";
import { hasMethods } from "../option-checks.ts";
import type { Random } from "../random.ts";
import { idempotencyAttribute } from "../sqs/idempotency-attribute.ts";
import {
  maxDelaySeconds,
  maxMessageAttributes,
  maxPayloadBytes,
  maxTokenLength,
} from "../sqs/limits.ts";
import { messageBytes } from "../sqs/message-size.ts";
import type {
  MessageAttributeValue,
  SendMessageBatchEntry,
  MessageAttributes,
} from "../sqs/operations.ts";
import { InvalidMessageError } from "./errors.ts";
import type { SendAttribute, SendOptions } from "./options.ts";

/** A message, ready for a batch: it needs only its entry's Id. */
export interface OutgoingMessage {
  readonly entry: Omit<SendMessageBatchEntry, "Id">;
  /** What it takes of a batch's payload. */
  readonly bytes: number;
}

/** What the rules about a message depend on. */
export interface OutgoingQueue {
  readonly fifo: boolean;
  readonly contentBasedDeduplication: boolean;
  /** Whether a message that comes without an idempotency key gets one. */
  readonly idempotencyKeys: boolean;
  /** For deduplication ids and idempotency keys. */
  readonly random: Random;
}

/**
 * Encodes a message. It keeps no reference to anything of the caller's, who may change it afterwards.
 *
 * @throws InvalidMessageError when SQS would refuse it.
 */
export function encodeMessage(
  body: unknown,
  options: SendOptions,
  queue: OutgoingQueue,
): OutgoingMessage {
  checkOptions(options);
  const text = encodeBody(body);
  const key = idempotencyKey(options.idempotencyKey);
  const attributes = stamped(text, encodeAttributes(options.attributes), key, queue);
  const bytes = messageBytes(text, attributes);
  if (bytes > maxPayloadBytes) {
    const problem = `and attributes take ${bytes} bytes; SQS allows ${maxPayloadBytes}`;
    throw new InvalidMessageError("body", problem);
  }
  return {
    bytes,
    entry: {
      MessageBody: text,
      DelaySeconds: delaySeconds(options.delaySeconds, queue),
      MessageAttributes: attributes,
      MessageGroupId: groupId(options.groupId, queue),
      MessageDeduplicationId: deduplicationId(options.deduplicationId, key, queue),
    },
  };
}

/**
 * The attributes with the idempotency key among them. One that the caller gave must fit; one that is made up
 * here is left out where SQS would refuse the message for it.
 */
function stamped(
  body: string,
  attributes: MessageAttributes | undefined,
  key: string | undefined,
  queue: OutgoingQueue,
): MessageAttributes | undefined {
  if (key === undefined && !queue.idempotencyKeys) return attributes;
  const StringValue = key ?? drawId(queue.random);
  const more = { ...attributes, [idempotencyAttribute]: { DataType: "String", StringValue } };
  const count = Object.keys(more).length;
  if (key !== undefined) {
    requireAtMost(maxMessageAttributes, count, "with the idempotency key");
    return more;
  }
  const fits = count <= maxMessageAttributes && messageBytes(body, more) <= maxPayloadBytes;
  return fits ? more : attributes;
}

function idempotencyKey(value: string | undefined): string | undefined {
  return value === undefined ? undefined : token("idempotencyKey", value);
}

function requireAtMost(limit: number, count: number, what = ""): void {
  if (count <= limit) return;
  const problem = `are ${count} ${what}`.trimEnd();
  throw new InvalidMessageError("attributes", `${problem}; SQS takes at most ${limit}`);
}

const known: ReadonlySet<string> = new Set<keyof SendOptions>([
  "delaySeconds",
  "groupId",
  "deduplicationId",
  "idempotencyKey",
  "attributes",
  "signal",
]);

function checkOptions(options: SendOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new InvalidMessageError("options", `must be an object; received ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    // Most often a misspelt one, and what it was to say would be lost in silence.
    if (!known.has(name)) throw new InvalidMessageError(name, "is no option of a send");
  }
  const { signal } = options;
  if (signal !== undefined && !hasMethods(signal, ["throwIfAborted", "addEventListener"])) {
    throw new InvalidMessageError("signal", `must be an AbortSignal; received ${describe(signal)}`);
  }
}

function encodeBody(body: unknown): string {
  const text = typeof body === "string" ? body : encodeJson(body);
  if (text === "") throw new InvalidMessageError("body", "must not be empty");
  requireLegal("body", text);
  return text;
}

function encodeJson(body: unknown): string {
  let json: unknown;
  try {
    // Typed as a string; undefined for undefined, functions and symbols.
    json = JSON.stringify(body);
  } catch (thrown) {
    // A cycle, a bigint, or a toJSON of the caller's own, which may throw anything.
    throw new InvalidMessageError("body", "cannot be written as JSON", { cause: toError(thrown) });
  }
  if (typeof json === "string") return json;
  throw new InvalidMessageError("body", `cannot be written as JSON; received ${describe(body)}`);
}

/** What SQS does not carry: the API reference of SendMessage lists what it does. Lone surrogates are among it. */
const illegal = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

function requireLegal(field: string, text: string): void {
  const at = text.search(illegal);
  if (at < 0) return;
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0");
  throw new InvalidMessageError(field, `holds U+${code} at ${at}, which SQS does not carry`);
}

function encodeAttributes(
  attributes: Readonly<Record<string, SendAttribute>> = {},
): MessageAttributes | undefined {
  // A Map, a Headers, an array: their entries are not their properties, and would be lost or misnamed.
  if (typeof attributes !== "object" || attributes === null || Symbol.iterator in attributes) {
    const problem = `must be an object with the attributes by name; received ${describe(attributes)}`;
    throw new InvalidMessageError("attributes", problem);
  }
  const entries = Object.entries(attributes);
  if (entries.length === 0) return undefined;
  requireAtMost(maxMessageAttributes, entries.length);
  // fromEntries defines properties, so that a name like __proto__ is one of them.
  return Object.fromEntries(entries.map(([name, value]) => [name, encodeAttribute(name, value)]));
}

/** The rules of a name: "Amazon SQS message metadata" in the Amazon SQS Developer Guide. */
const attributeName = /^(?!(?:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)$/i;

function encodeAttribute(name: string, value: unknown): MessageAttributeValue {
  const field = `attributes.${name}`;
  if (!attributeName.test(name)) {
    throw new InvalidMessageError(field, "is no name that SQS allows for a message attribute");
  }
  if (name === idempotencyAttribute) {
    throw new InvalidMessageError(field, "is the library's own; use the option idempotencyKey");
  }
  switch (typeof value) {
    case "string":
      if (value === "") throw new InvalidMessageError(field, "must not be empty");
      requireLegal(field, value);
      return { DataType: "String", StringValue: value };
    case "number":
    case "bigint":
      if (!isSqsNumber(value)) {
        const problem = `must be within what SQS takes for a number; received ${describe(value)}`;
        throw new InvalidMessageError(field, problem);
      }
      return { DataType: "Number", StringValue: String(value) };
    default:
      if (!(value instanceof Uint8Array) || value.byteLength === 0) {
        const expected = "must be a string, a number, a bigint or a Uint8Array that is not empty";
        throw new InvalidMessageError(field, `${expected}; received ${describe(value)}`);
      }
      return { DataType: "Binary", BinaryValue: Uint8Array.from(value) };
  }
}

/** Up to 38 digits, and from 10⁻¹²⁸ to 10¹²⁶ in size. */
function isSqsNumber(value: number | bigint): boolean {
  if (typeof value === "bigint") return value > -(10n ** 38n) && value < 10n ** 38n;
  const size = Math.abs(value);
  return size === 0 || (size >= 1e-128 && size <= 1e126);
}

function delaySeconds(value: number | undefined, queue: OutgoingQueue): number | undefined {
  if (value === undefined) return undefined;
  if (queue.fifo) {
    throw new InvalidMessageError("delaySeconds", "is the queue's to set when the queue is FIFO");
  }
  if (!Number.isInteger(value) || value < 0 || value > maxDelaySeconds) {
    const problem = `must be an integer from 0 to ${maxDelaySeconds}; received ${describe(value)}`;
    throw new InvalidMessageError("delaySeconds", problem);
  }
  return value;
}

function groupId(value: string | undefined, queue: OutgoingQueue): string | undefined {
  if (value !== undefined) return token("groupId", value);
  if (queue.fifo) throw new InvalidMessageError("groupId", "is required by a FIFO queue");
  return undefined;
}

function deduplicationId(
  value: string | undefined,
  key: string | undefined,
  queue: OutgoingQueue,
): string | undefined {
  if (value !== undefined) {
    if (queue.fifo) return token("deduplicationId", value);
    throw new InvalidMessageError("deduplicationId", "is understood by FIFO queues only");
  }
  if (!queue.fifo) return undefined;
  // What is one effect is one message.
  if (key !== undefined) return key;
  return queue.contentBasedDeduplication ? undefined : drawId(queue.random);
}

function token(field: string, value: unknown): string {
  if (typeof value === "string" && /^[!-~]+$/.test(value) && value.length <= maxTokenLength) {
    return value;
  }
  const expected = `must be 1 to ${maxTokenLength} letters, digits and signs of ASCII`;
  throw new InvalidMessageError(field, `${expected}; received ${describe(value)}`);
}
