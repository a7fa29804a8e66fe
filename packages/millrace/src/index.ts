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
export { MillraceError, OptionError } from "./errors.ts";
export { systemRandom } from "./random.ts";
export type { Random } from "./random.ts";
export type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "./sqs/api.ts";
export type * from "./sqs/operations.ts";
export {
  SqsConnectionError,
  SqsCredentialsError,
  SqsError,
  SqsResponseError,
  SqsServiceError,
  SqsTimeoutError,
} from "./sqs/errors.ts";
export type { SqsErrorCategory, SqsServiceErrorFields } from "./sqs/errors.ts";
