/**
 * Owns the bodies of AWS JSON 1.0: what each operation takes and answers, between JSON and the shapes of
 * SqsOperations. It never judges a value beyond its type: limits and meaning are the service's.
 */
import { SqsServiceError } from "millrace";
import type {
  BatchInput,
  ChangeMessageVisibilityBatchEntry,
  DeleteMessageBatchEntry,
  MessageAttributes,
  MessageAttributeValue,
  QueueInput,
  ReceivedMessage,
  ReceiveMessageOutput,
  SendMessageBatchEntry,
  SqsInput,
  SqsOperation,
  SqsOutput,
} from "millrace";
import {
  binary,
  integer,
  list,
  map,
  optional,
  parseObject,
  structure,
  text,
  TypeMismatch,
} from "./json-decoder.ts";
import type { Decode } from "./json-decoder.ts";

/** One operation's two bodies. */
interface Codec<O extends SqsOperation> {
  readonly decode: Decode<SqsInput<O>>;
  readonly encode: (output: SqsOutput<O>) => string;
}

/** Whether SQS, as far as it is rebuilt here, has an operation of that name. */
export function isOperation(name: string): name is SqsOperation {
  return Object.hasOwn(codecs, name);
}

/**
 * The input of an operation from the body of its request. Members that the operation does not know are
 * left out, as AWS does; null counts as absent.
 *
 * @throws SqsServiceError SerializationException or MissingParameter, by the names of AWS's common errors
 *   (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html).
 */
export function decodeInput<O extends SqsOperation>(operation: O, body: Uint8Array): SqsInput<O> {
  try {
    return codecs[operation].decode(parseObject(body), "the body");
  } catch (error) {
    if (!(error instanceof TypeMismatch)) throw error;
    throw new SqsServiceError({
      operation,
      errorName: error.missing ? "MissingParameter" : "SerializationException",
      text: error.message,
      statusCode: 400,
      senderFault: true,
    });
  }
}

/** The body of an operation's answer; empty where AWS's model has no output. */
export function encodeOutput<O extends SqsOperation>(operation: O, output: SqsOutput<O>): string {
  return codecs[operation].encode(output);
}

/** What AWS says to a request without a queue is that this queue does not exist. */
const queueUrl: Decode<string> = (value, name) => optional(text)(value, name) ?? "";

/** A batch without entries is for the service to refuse, which has an error for it. */
function entries<T>(decode: Decode<T>): Decode<readonly T[]> {
  const decodeList = list(decode);
  return (value, name) => decodeList(value ?? [], name);
}

/** AWS answers such operations with an empty body, not with an empty object. */
function nothing(): string {
  return "";
}

function json(output: object): string {
  return JSON.stringify(output);
}

function messages(output: ReceiveMessageOutput): string {
  if (output.Messages?.some(holdsBinary) !== true) return JSON.stringify(output);
  return JSON.stringify({ ...output, Messages: output.Messages.map(messageToJson) });
}

function messageToJson(message: ReceivedMessage): object {
  const { MessageAttributes: attributes } = message;
  if (attributes === undefined) return message;
  return { ...message, MessageAttributes: attributesToJson(attributes) };
}

function holdsBinary({ MessageAttributes: attributes = {} }: ReceivedMessage): boolean {
  return Object.values(attributes).some((value) => value.BinaryValue !== undefined);
}

function attributesToJson(attributes: MessageAttributes): object {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { BinaryValue: bytes, ...rest }]) => [
      name,
      bytes === undefined ? rest : { ...rest, BinaryValue: toBase64(bytes) },
    ]),
  );
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

const attributeValue = structure<MessageAttributeValue>({
  DataType: optional(text),
  StringValue: optional(text),
  BinaryValue: optional(binary),
});

const messageMembers = {
  MessageBody: text,
  DelaySeconds: optional(integer),
  MessageAttributes: optional(map(attributeValue)),
  MessageSystemAttributes: optional(map(attributeValue)),
  MessageDeduplicationId: optional(text),
  MessageGroupId: optional(text),
};

const deleteMembers = { Id: text, ReceiptHandle: text };

const queueOnly = structure<QueueInput>({ QueueUrl: queueUrl });

function batch<Entry>(entry: Decode<Entry>): Decode<BatchInput<Entry>> {
  return structure<BatchInput<Entry>>({ QueueUrl: queueUrl, Entries: entries(entry) });
}

const codecs: { readonly [O in SqsOperation]: Codec<O> } = {
  CreateQueue: {
    decode: structure<SqsInput<"CreateQueue">>({
      QueueName: text,
      Attributes: optional(map(text)),
      tags: optional(map(text)),
    }),
    encode: json,
  },
  DeleteQueue: { decode: queueOnly, encode: nothing },
  GetQueueUrl: {
    decode: structure<SqsInput<"GetQueueUrl">>({
      QueueName: text,
      QueueOwnerAWSAccountId: optional(text),
    }),
    encode: json,
  },
  ListQueues: {
    decode: structure<SqsInput<"ListQueues">>({
      QueueNamePrefix: optional(text),
      NextToken: optional(text),
      MaxResults: optional(integer),
    }),
    encode: json,
  },
  GetQueueAttributes: {
    decode: structure<SqsInput<"GetQueueAttributes">>({
      QueueUrl: queueUrl,
      AttributeNames: optional(list(text)),
    }),
    encode: json,
  },
  SetQueueAttributes: {
    decode: structure<SqsInput<"SetQueueAttributes">>({
      QueueUrl: queueUrl,
      Attributes: map(text),
    }),
    encode: nothing,
  },
  PurgeQueue: { decode: queueOnly, encode: nothing },
  SendMessage: {
    decode: structure<SqsInput<"SendMessage">>({ QueueUrl: queueUrl, ...messageMembers }),
    encode: json,
  },
  SendMessageBatch: {
    decode: batch(structure<SendMessageBatchEntry>({ Id: text, ...messageMembers })),
    encode: json,
  },
  ReceiveMessage: {
    decode: structure<SqsInput<"ReceiveMessage">>({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: optional(integer),
      VisibilityTimeout: optional(integer),
      WaitTimeSeconds: optional(integer),
      MessageAttributeNames: optional(list(text)),
      MessageSystemAttributeNames: optional(list(text)),
      AttributeNames: optional(list(text)),
      ReceiveRequestAttemptId: optional(text),
    }),
    encode: messages,
  },
  DeleteMessage: {
    decode: structure<SqsInput<"DeleteMessage">>({ QueueUrl: queueUrl, ReceiptHandle: text }),
    encode: nothing,
  },
  DeleteMessageBatch: {
    decode: batch(structure<DeleteMessageBatchEntry>(deleteMembers)),
    encode: json,
  },
  ChangeMessageVisibility: {
    decode: structure<SqsInput<"ChangeMessageVisibility">>({
      QueueUrl: queueUrl,
      ReceiptHandle: text,
      VisibilityTimeout: integer,
    }),
    encode: nothing,
  },
  ChangeMessageVisibilityBatch: {
    decode: batch(
      structure<ChangeMessageVisibilityBatchEntry>({
        ...deleteMembers,
        VisibilityTimeout: integer,
      }),
    ),
    encode: json,
  },
  TagQueue: {
    decode: structure<SqsInput<"TagQueue">>({ QueueUrl: queueUrl, Tags: map(text) }),
    encode: nothing,
  },
  UntagQueue: {
    decode: structure<SqsInput<"UntagQueue">>({ QueueUrl: queueUrl, TagKeys: list(text) }),
    encode: nothing,
  },
  ListQueueTags: { decode: queueOnly, encode: json },
  ListDeadLetterSourceQueues: {
    decode: structure<SqsInput<"ListDeadLetterSourceQueues">>({
      QueueUrl: queueUrl,
      NextToken: optional(text),
      MaxResults: optional(integer),
    }),
    encode: json,
  },
  StartMessageMoveTask: {
    decode: structure<SqsInput<"StartMessageMoveTask">>({
      SourceArn: text,
      DestinationArn: optional(text),
      MaxNumberOfMessagesPerSecond: optional(integer),
    }),
    encode: json,
  },
  ListMessageMoveTasks: {
    decode: structure<SqsInput<"ListMessageMoveTasks">>({
      SourceArn: text,
      MaxResults: optional(integer),
    }),
    encode: json,
  },
  CancelMessageMoveTask: {
    decode: structure<SqsInput<"CancelMessageMoveTask">>({ TaskHandle: text }),
    encode: json,
  },
};
