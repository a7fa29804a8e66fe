/**
 * The public API of Millrace, name by name. It holds no code.
 */
export { Channel } from "./channel/channel.ts";
export { ChannelClosedError } from "./channel/errors.ts";
export type {
  ReceiveChannel,
  SendChannel,
  TryReceiveResult,
  TrySendResult,
  WaitOptions,
} from "./channel/halves.ts";
export { systemClock, sleep } from "./clock.ts";
export type { Clock, Timer } from "./clock.ts";
export { Consumer } from "./consumer/consumer.ts";
export type { StopOptions } from "./consumer/consumer.ts";
export type { ConsumerEvents } from "./consumer/consumer-events.ts";
export {
  BatchOutcomeError,
  BodyTimeoutError,
  ConsumerStoppedError,
  HandlerTimeoutError,
  InvalidBodyError,
  LeaseLostError,
  NoDeadLetterQueueError,
  OrderKeyError,
  QueueSetupError,
  SettlementError,
} from "./consumer/errors.ts";
export type { BatchHandler, Handler, HandlerContext } from "./consumer/handler-call.ts";
export type { HandlerLifecycle, ManagedHandler } from "./consumer/handler-lifecycle.ts";
export type { HandlerTraits } from "./consumer/handler-traits.ts";
export type { ConsumerHealth } from "./consumer/health.ts";
export type { HealthStatus } from "./health-status.ts";
export type { Limit } from "./consumer/limit.ts";
export type { Logger } from "./consumer/logger.ts";
export type { Message } from "./consumer/message.ts";
export type { ConsumerBatchOptions, ConsumerOptions } from "./consumer/options.ts";
export type { LaneKey, OrderBy } from "./consumer/order-by.ts";
export { deadLetter, release, retry } from "./consumer/outcome.ts";
export type { Acknowledge, DeadLetter, Outcome, Release, Retry } from "./consumer/outcome.ts";
export { exponentialBackoff } from "./consumer/retry-policy.ts";
export type { ExponentialBackoffOptions, Failure, RetryPolicy } from "./consumer/retry-policy.ts";
export type { StopReport } from "./consumer/shutdown.ts";
export type { ConsumerStats, Counters, RequestCounts } from "./consumer/statistics.ts";
export { MillraceError, OptionError } from "./errors.ts";
export { InvalidMessageError, ProducerClosedError, SendFailedError } from "./producer/errors.ts";
export type { SendFailure } from "./producer/errors.ts";
export type {
  ProducerBatchOptions,
  ProducerOptions,
  ProducerRetryOptions,
  SendAttribute,
  SendOptions,
} from "./producer/options.ts";
export { Producer } from "./producer/producer.ts";
export type { ProducerStats } from "./producer/producer.ts";
export type { SendResult } from "./producer/attempt.ts";
export { systemRandom } from "./random.ts";
export type { Random } from "./random.ts";
export type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "./sqs/api.ts";
export type { AwsCredentials, AwsCredentialsProvider } from "./sqs/credentials.ts";
export { fromSdk } from "./sqs/from-sdk.ts";
export type { FromSdkOptions, SdkClient } from "./sqs/from-sdk.ts";
export { HttpSqs } from "./sqs/http-sqs.ts";
export type { HttpSqsOptions } from "./sqs/http-sqs-options.ts";
export type * from "./sqs/operations.ts";
export { parseQueue, resolveQueueUrl } from "./sqs/queue-address.ts";
export type { QueueAddress } from "./sqs/queue-address.ts";
export {
  SqsConnectionError,
  SqsCredentialsError,
  SqsError,
  SqsRequestError,
  SqsResponseError,
  SqsServiceError,
  SqsTimeoutError,
} from "./sqs/errors.ts";
export type { SqsErrorCategory, SqsErrorOptions, SqsServiceErrorFields } from "./sqs/errors.ts";
