/**
 * Owns the shape of a message while it lies in the outbox, and the way there and back: from what `send` takes,
 * to what is sent. It never touches the database.
 */
import { toError } from "../errors.ts";
import { InvalidMessageError } from "../producer/errors.ts";
import type { SendAttribute, SendOptions } from "../producer/options.ts";
import { encodeMessage } from "../producer/outgoing-message.ts";
import type { Random } from "../random.ts";
import { drawId } from "../random.ts";
import { idempotencyAttribute } from "../sqs/idempotency-attribute.ts";
import type { MessageAttributes } from "../sqs/operations.ts";
import { parseQueue } from "../sqs/queue-address.ts";
import type { QueueAddress } from "../sqs/queue-address.ts";

/** An attribute as JSON holds it: text as it is, numbers as their digits, bytes in base64. */
type StoredAttribute = readonly [type: "String" | "Number" | "Binary", value: string];

/** The options of a send, as JSON holds them. */
interface StoredOptions {
  readonly idempotencyKey: string;
  readonly delaySeconds?: number | undefined;
  readonly groupId?: string | undefined;
  readonly deduplicationId?: string | undefined;
  readonly attributes?: Readonly<Record<string, StoredAttribute>> | undefined;
}

/** What is stored of a message. */
export interface OutboxEntry {
  readonly queue: string;
  /** Which queue it is, and the group on it within which order is kept; null on a standard queue. */
  readonly lane: string | null;
  readonly body: string;
  readonly options: StoredOptions;
}

/** A row that is to be sent. */
export interface OutboxRow extends OutboxEntry {
  readonly id: string;
  /** Sends of it that failed. */
  readonly attempts: number;
}

/**
 * The message as it is stored. It is checked as a send would check it, so that what SQS would refuse fails
 * the transaction that wants it sent, and not the relay.
 *
 * @throws OptionError when `queue` is no URL, ARN or name; InvalidMessageError.
 */
export function toEntry(
  queue: string,
  body: unknown,
  options: Omit<SendOptions, "signal">,
  random: Random,
): OutboxEntry {
  const address = parseQueue(queue);
  const { fifo } = address;
  // What is sent again, because nobody knows whether it was, must be known for the same.
  const idempotencyKey = options.idempotencyKey ?? drawId(random);
  const { entry } = encodeMessage(
    body,
    { ...options, idempotencyKey },
    { fifo, contentBasedDeduplication: false, idempotencyKeys: true, random },
  );
  const { DelaySeconds, MessageGroupId, MessageDeduplicationId, MessageAttributes = {} } = entry;
  return {
    queue,
    // A group's name has no space.
    lane: fifo ? `${identityOf(queue, address)} ${MessageGroupId ?? ""}` : null,
    body: entry.MessageBody,
    options: {
      idempotencyKey,
      delaySeconds: DelaySeconds,
      groupId: MessageGroupId,
      deduplicationId: MessageDeduplicationId,
      attributes: store(MessageAttributes),
    },
  };
}

/**
 * The same for the URL and the ARN of a queue of AWS. A name is one of whatever account and region the relay is in, and
 * the URL of anything else may be one of several for the same queue: those are known by how they are spelled.
 */
function identityOf(queue: string, { region, accountId, name }: QueueAddress): string {
  if (region === undefined || accountId === undefined) return queue;
  return `${region}/${accountId}/${name}`;
}

/** The options with which a stored message is sent. */
export function toSendOptions(stored: StoredOptions): SendOptions {
  try {
    const { attributes = {}, ...options } = stored;
    const entries = Object.entries(attributes).map(([name, value]) => [name, restore(value)]);
    return { ...options, attributes: Object.fromEntries(entries) };
  } catch (thrown) {
    throw new InvalidMessageError("options", "are not what outbox() stores", {
      cause: toError(thrown),
    });
  }
}

function store(attributes: MessageAttributes): Record<string, StoredAttribute> {
  const stored: [string, StoredAttribute][] = [];
  for (const [name, { DataType, StringValue = "", BinaryValue }] of Object.entries(attributes)) {
    if (name === idempotencyAttribute) continue;
    if (BinaryValue !== undefined) {
      stored.push([name, ["Binary", Buffer.from(BinaryValue).toString("base64")]]);
    } else {
      stored.push([name, [DataType === "Number" ? "Number" : "String", StringValue]]);
    }
  }
  return Object.fromEntries(stored);
}

function restore([type, value]: StoredAttribute): SendAttribute {
  if (type === "Binary") return Buffer.from(value, "base64");
  if (type === "String") return value;
  // Digits that a number would lose came from a bigint.
  return /^-?\d+$/.test(value) ? BigInt(value) : Number(value);
}
