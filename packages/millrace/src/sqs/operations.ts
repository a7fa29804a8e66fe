/**
 * Owns the shapes of SQS's operations, named and spelled as AWS does in its API reference
 * (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference). It never interprets them.
 *
 * Numbers and strings are as on the wire, with one exception: binary values are Uint8Array here and
 * base64 there. Queue and message system attributes are strings, numbers among them.
 */

/** Every operation that local-sqs answers, with its input and output. */
export interface SqsOperations {
  CreateQueue: { input: CreateQueueInput; output: { readonly QueueUrl?: string | undefined } };
  DeleteQueue: { input: QueueInput; output: Empty };
  GetQueueUrl: { input: GetQueueUrlInput; output: { readonly QueueUrl?: string | undefined } };
  ListQueues: { input: ListQueuesInput; output: ListQueuesOutput };
  GetQueueAttributes: {
    input: QueueInput & { readonly AttributeNames?: readonly string[] | undefined };
    output: { readonly Attributes?: StringMap | undefined };
  };
  SetQueueAttributes: { input: QueueInput & { readonly Attributes: StringMap }; output: Empty };
  PurgeQueue: { input: QueueInput; output: Empty };
  SendMessage: { input: SendMessageInput; output: SendMessageOutput };
  SendMessageBatch: { input: BatchInput<SendMessageBatchEntry>; output: SendMessageBatchOutput };
  ReceiveMessage: { input: ReceiveMessageInput; output: ReceiveMessageOutput };
  DeleteMessage: { input: QueueInput & { readonly ReceiptHandle: string }; output: Empty };
  DeleteMessageBatch: { input: BatchInput<DeleteMessageBatchEntry>; output: BatchOutput };
  ChangeMessageVisibility: {
    input: QueueInput & { readonly ReceiptHandle: string; readonly VisibilityTimeout: number };
    output: Empty;
  };
  ChangeMessageVisibilityBatch: {
    input: BatchInput<ChangeMessageVisibilityBatchEntry>;
    output: BatchOutput;
  };
  TagQueue: { input: QueueInput & { readonly Tags: StringMap }; output: Empty };
  UntagQueue: { input: QueueInput & { readonly TagKeys: readonly string[] }; output: Empty };
  ListQueueTags: { input: QueueInput; output: { readonly Tags?: StringMap | undefined } };
  ListDeadLetterSourceQueues: {
    input: QueueInput & Page;
    output: ListDeadLetterSourceQueuesOutput;
  };
  StartMessageMoveTask: {
    input: StartMessageMoveTaskInput;
    output: { readonly TaskHandle?: string | undefined };
  };
  ListMessageMoveTasks: {
    input: { readonly SourceArn: string; readonly MaxResults?: number | undefined };
    output: { readonly Results?: readonly MessageMoveTask[] | undefined };
  };
  CancelMessageMoveTask: {
    input: { readonly TaskHandle: string };
    output: { readonly ApproximateNumberOfMessagesMoved?: number | undefined };
  };
}

type Empty = Readonly<Record<string, never>>;
type StringMap = Readonly<Record<string, string>>;

export interface QueueInput {
  readonly QueueUrl: string;
}

export interface CreateQueueInput {
  readonly QueueName: string;
  readonly Attributes?: StringMap | undefined;
  /** Lower case here alone, as AWS has it. */
  readonly tags?: StringMap | undefined;
}

export interface GetQueueUrlInput {
  readonly QueueName: string;
  readonly QueueOwnerAWSAccountId?: string | undefined;
}

interface Page {
  readonly NextToken?: string | undefined;
  /** 1 to 1,000. */
  readonly MaxResults?: number | undefined;
}

export interface ListQueuesInput extends Page {
  readonly QueueNamePrefix?: string | undefined;
}

export interface ListQueuesOutput {
  readonly QueueUrls?: readonly string[] | undefined;
  readonly NextToken?: string | undefined;
}

export interface ListDeadLetterSourceQueuesOutput {
  /** Lower case here alone, as AWS has it. */
  readonly queueUrls?: readonly string[] | undefined;
  readonly NextToken?: string | undefined;
}

/** A message attribute. `DataType` is String, Number or Binary, or one of them with a label: `Number.float`. */
export interface MessageAttributeValue {
  readonly DataType?: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
}

export type MessageAttributes = Readonly<Record<string, MessageAttributeValue>>;

export interface SendMessageInput extends QueueInput {
  readonly MessageBody: string;
  /** 0 to 900. */
  readonly DelaySeconds?: number | undefined;
  readonly MessageAttributes?: MessageAttributes | undefined;
  readonly MessageSystemAttributes?: MessageAttributes | undefined;
  readonly MessageDeduplicationId?: string | undefined;
  readonly MessageGroupId?: string | undefined;
}

export interface SendMessageOutput {
  readonly MessageId?: string | undefined;
  readonly MD5OfMessageBody?: string | undefined;
  readonly MD5OfMessageAttributes?: string | undefined;
  readonly MD5OfMessageSystemAttributes?: string | undefined;
  /** FIFO queues only. */
  readonly SequenceNumber?: string | undefined;
}

export interface BatchInput<Entry> extends QueueInput {
  /** 1 to 10. */
  readonly Entries: readonly Entry[];
}

export interface SendMessageBatchEntry extends Omit<SendMessageInput, "QueueUrl"> {
  readonly Id: string;
}

export interface DeleteMessageBatchEntry {
  readonly Id: string;
  readonly ReceiptHandle: string;
}

export interface ChangeMessageVisibilityBatchEntry extends DeleteMessageBatchEntry {
  /** 0 to 43,200. */
  readonly VisibilityTimeout: number;
}

/** Why one entry of a batch failed while others may have succeeded. */
export interface BatchResultErrorEntry {
  readonly Id?: string | undefined;
  readonly SenderFault?: boolean | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

export interface BatchOutput {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?: readonly BatchResultErrorEntry[] | undefined;
}

export interface SendMessageBatchOutput {
  readonly Successful?:
    | readonly (SendMessageOutput & { readonly Id?: string | undefined })[]
    | undefined;
  readonly Failed?: readonly BatchResultErrorEntry[] | undefined;
}

export interface ReceiveMessageInput extends QueueInput {
  /** 1 to 10, default 1. */
  readonly MaxNumberOfMessages?: number | undefined;
  readonly VisibilityTimeout?: number | undefined;
  /** 0 to 20. */
  readonly WaitTimeSeconds?: number | undefined;
  /** Names of message attributes to return, `All`, or a prefix as `foo.*`. */
  readonly MessageAttributeNames?: readonly string[] | undefined;
  readonly MessageSystemAttributeNames?: readonly string[] | undefined;
  /** The older name of MessageSystemAttributeNames. */
  readonly AttributeNames?: readonly string[] | undefined;
  /** FIFO queues only. */
  readonly ReceiveRequestAttemptId?: string | undefined;
}

export interface ReceiveMessageOutput {
  readonly Messages?: readonly ReceivedMessage[] | undefined;
}

export interface ReceivedMessage {
  readonly MessageId?: string | undefined;
  readonly ReceiptHandle?: string | undefined;
  readonly Body?: string | undefined;
  readonly MD5OfBody?: string | undefined;
  readonly MD5OfMessageAttributes?: string | undefined;
  /** System attributes, by name. */
  readonly Attributes?: StringMap | undefined;
  readonly MessageAttributes?: MessageAttributes | undefined;
}

export interface StartMessageMoveTaskInput {
  readonly SourceArn: string;
  readonly DestinationArn?: string | undefined;
  /** 1 to 500. */
  readonly MaxNumberOfMessagesPerSecond?: number | undefined;
}

export interface MessageMoveTask {
  /** Only while RUNNING. */
  readonly TaskHandle?: string | undefined;
  /** RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED. */
  readonly Status?: string | undefined;
  readonly SourceArn?: string | undefined;
  readonly DestinationArn?: string | undefined;
  readonly MaxNumberOfMessagesPerSecond?: number | undefined;
  readonly ApproximateNumberOfMessagesMoved?: number | undefined;
  readonly ApproximateNumberOfMessagesToMove?: number | undefined;
  readonly FailureReason?: string | undefined;
  /** In ms since the epoch. */
  readonly StartedTimestamp?: number | undefined;
}
