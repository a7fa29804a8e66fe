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

const attributeValue: Shape = [
  ["DataType", "string"],
  ["StringValue", "string"],
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

/** Whether an operation says nothing when it succeeds, so that an empty body is an answer. */
export function hasNoOutput(operation: SqsOperation): boolean {
  return shapes[operation].length === 0;
}

/**
 * The answer, checked, and with binary values decoded in place where they are base64. A member that is null
 * is taken as absent.
 *
 * @throws SqsResponseError naming the member that is of the wrong type, or when it is an error.
 */
export function checkedAnswer<O extends SqsOperation>(operation: O, body: Body): SqsOutput<O> {
  if (typeof body["__type"] === "string") {
    const what = "it comes as a success, and is an error";
    throw new SqsResponseError(`${operation}: the answer is not SQS's: ${what}`, operation);
  }
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
  for (const [name, value] of Object.entries(attributes)) {
    // The SDK makes `undefined` of an attribute named __proto__. Who sends one must not end all receiving.
    if (value === undefined || value === null) {
      delete attributes[name];
      continue;
    }
    if (!isRecord(value)) throw wrong(operation, "MessageAttributes", "record");
    check(operation, value, attributeValue);
    const bytes = value["BinaryValue"];
    if (typeof bytes === "string") value["BinaryValue"] = decodeBase64(operation, bytes);
    else if (bytes === null) delete value["BinaryValue"];
    else if (bytes !== undefined && !(bytes instanceof Uint8Array)) {
      throw wrong(operation, "BinaryValue", "base64");
    }
  }
}

/** A copy in its own memory: small Buffers are views of a shared slab, which one kept value would keep whole. */
function decodeBase64(operation: string, text: string): Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  // Buffer skips what is not base64, and would make something of anything.
  if (text.length % 4 !== 0 || bytes.length !== Buffer.byteLength(text, "base64")) {
    throw wrong(operation, "BinaryValue", "base64");
  }
  return bytes;
}

function wrong(operation: string, member: string, kind: Kind | "base64"): SqsResponseError {
  const message = `${operation}: the answer is not SQS's: its ${member} is no ${kind}`;
  return new SqsResponseError(message, operation);
}
