/**
 * Owns the numbers that SQS sets: how much, how many, how long. It never checks anything against them.
 *
 * Sources: "Amazon SQS message quotas" and "Amazon SQS queue quotas" in the Amazon SQS Developer Guide
 * (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html), and the pages
 * of the operations in the API reference.
 */

/** Entries of one SendMessageBatch, DeleteMessageBatch or ChangeMessageVisibilityBatch. */
export const maxBatchEntries = 10;
/** Messages that one ReceiveMessage can bring. */
export const maxReceiveMessages = 10;
/** The longest long poll. */
export const maxWaitSeconds = 20;

/** The longest visibility timeout, and the longest that a receive can be stretched to in total: 12 hours. */
export const maxVisibilitySeconds = 43_200;
/** The longest delay of a message or a queue. */
export const maxDelaySeconds = 900;

/** One message, and all messages of a batch together: bodies plus names, types and values of attributes. */
export const maxPayloadBytes = 1_048_576;
/** Message attributes of one message. */
export const maxMessageAttributes = 10;

/** Messages of one queue in flight at once, about: beyond it receives come back empty or with OverLimit. */
export const maxInFlight = 120_000;

/** Characters of a queue's name, `.fifo` included. */
export const maxQueueNameLength = 80;
/** Characters of a MessageGroupId, a MessageDeduplicationId or a ReceiveRequestAttemptId. */
export const maxTokenLength = 128;
