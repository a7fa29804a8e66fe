/**
 * Owns the check that an answer has its operation's outer shape, so that callers can rely on types that came
 * over a wire. It never looks at values: what SQS says is taken as said.
 */
import type { SqsOperation, SqsOutput } from "./api.ts";
import { SqsResponseError } from "./errors.ts";

/** `records`: an array of objects. `strings`: an array of strings. `record`: an object. */
type Kind = "string" | "number" | "record" | "records" | "strings";

type Shape = ReadonlyArray<readonly [member: string, kind: Kind]>;

const sent: Shape = [
  ["MessageId", "string"],
  ["MD5OfMessageBody", "string"],
  ["MD5OfMessageAttributes", "string"],
  ["MD5OfMessageSystemAttributes", "string"],
  ["SequenceNumber", "string"],
];

const batch: Shape = [
  ["Successful", "records"],
  ["Failed", "records"],
];

const receivedMessage: Shape = [
  ["MessageId", "string"],
  ["ReceiptHandle", "string"],
  ["Body", "string"],
  ["MD5OfBody", "string"],
  ["MD5OfMessageAttributes", "string"],
  ["Attributes", "record"],
  ["MessageAttributes", "record"],
];

const shapes: Readonly<Record<SqsOperation, Shape>> = {
  CreateQueue: [["QueueUrl", "string"]],
  DeleteQueue: [],
  GetQueueUrl: [["QueueUrl", "string"]],
  ListQueues: [
    ["QueueUrls", "strings"],
    ["NextToken", "string"],
  ],
  GetQueueAttributes: [["Attributes", "record"]],
  SetQueueAttributes: [],
  PurgeQueue: [],
  SendMessage: sent,
  SendMessageBatch: batch,
  ReceiveMessage: [["Messages", "records"]],
  DeleteMessage: [],
  DeleteMessageBatch: batch,
  ChangeMessageVisibility: [],
  ChangeMessageVisibilityBatch: batch,
  TagQueue: [],
  UntagQueue: [],
  ListQueueTags: [["Tags", "record"]],
  ListDeadLetterSourceQueues: [
    ["queueUrls", "strings"],
    ["NextToken", "string"],
  ],
  StartMessageMoveTask: [["TaskHandle", "string"]],
  ListMessageMoveTasks: [["Results", "records"]],
  CancelMessageMoveTask: [["ApproximateNumberOfMessagesMoved", "number"]],
};

type Body = Record<string, unknown>;

export function isRecord(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The answer, checked, and with binary values decoded in place where they are base64. A member that is null
 * is taken as absent.
 *
 * @throws SqsResponseError naming the member that is of the wrong type.
 */
export function checkedAnswer<O extends SqsOperation>(operation: O, body: Body): SqsOutput<O> {
  check(operation, body, shapes[operation]);
  if (operation === "ReceiveMessage") checkMessages(operation, body["Messages"]);
  return body;
}

function checkMessages(operation: string, messages: unknown): void {
  if (!Array.isArray(messages)) return;
  for (const received of messages as readonly unknown[]) {
    if (!isRecord(received)) continue;
    check(operation, received, receivedMessage);
    const attributes = received["MessageAttributes"];
    if (isRecord(attributes)) decodeAttributes(operation, attributes);
  }
}

function check(operation: string, body: Body, shape: Shape): void {
  for (const [member, kind] of shape) {
    const value = body[member];
    if (value === undefined) continue;
    if (value === null) delete body[member];
    else if (!isOf(kind, value)) throw wrong(operation, member, kind);
  }
}

function isOf(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case "records":
      return Array.isArray(value) && value.every(isRecord);
    case "strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "record":
      return isRecord(value);
    default:
      return typeof value === kind;
  }
}

function decodeAttributes(operation: string, attributes: Body): void {
  for (const value of Object.values(attributes)) {
    if (!isRecord(value)) throw wrong(operation, "MessageAttributes", "record");
    const bytes = value["BinaryValue"];
    if (typeof bytes === "string") value["BinaryValue"] = decodeBase64(bytes);
    else if (!(bytes instanceof Uint8Array)) delete value["BinaryValue"];
  }
}

/** A copy in its own memory: small Buffers are views of a shared slab, which one kept value would keep whole. */
function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64"));
}

function wrong(operation: string, member: string, kind: Kind): SqsResponseError {
  const message = `${operation}: the answer is not SQS's: its ${member} is no ${kind}`;
  return new SqsResponseError(message, operation);
}
