/**
 * Owns the way to SQS through a client of the AWS SDK: operations to commands, the SDK's errors to ours. It
 * never closes the client, and never loads the SDK before the first call.
 */
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { OptionError } from "../errors.ts";
import { checkOptionNames, hasMethods, requireClock, requireDeadline } from "../option-checks.ts";
import { boundedCall } from "./bounded-call.ts";
import { checkedAnswer, isRecord } from "./answer-shape.ts";
import type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "./api.ts";
import {
  markMayBeApplied,
  SqsConnectionError,
  SqsCredentialsError,
  SqsError,
  SqsRequestError,
  SqsResponseError,
  SqsServiceError,
} from "./errors.ts";
import { waitMs } from "./long-poll.ts";
import { codeOf, publicCause, publicText } from "./redaction.ts";

/**
 * What is asked of the client: an `SQSClient` of `@aws-sdk/client-sqs` 3.400 or newer fits. It is named by its
 * shape so that the types of this library hold for those who have no SDK.
 */
export interface SdkClient {
  send(command: object, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
}

/** Options of {@link fromSdk}. */
export interface FromSdkOptions {
  /**
   * How long one call may take, the SDK's retries included, in ms; a receive is given its wait on top.
   * Default 30,000.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Time. Default {@link systemClock}. */
  readonly clock?: Clock | undefined;
}

/**
 * SQS through a client of the AWS SDK, for who has middleware, a proxy or an unusual endpoint. Retries,
 * credentials, region and endpoint are the client's own; it stays the caller's to destroy.
 *
 * @example
 * const sqs = fromSdk(new SQSClient({ region: "eu-west-1" }));
 *
 * @throws OptionError
 */
export function fromSdk(client: SdkClient, options: FromSdkOptions = {}): SqsApi {
  return new SdkSqs(client, options);
}

const known: ReadonlySet<string> = new Set<keyof FromSdkOptions>(["requestTimeoutMs", "clock"]);

class SdkSqs implements SqsApi {
  readonly #bare: SqsApi;
  readonly #clock: Clock;
  readonly #requestTimeoutMs: number;

  constructor(client: SdkClient, options: FromSdkOptions) {
    if (!hasMethods(client, ["send"])) {
      // Not the value itself: a client's settings hold credentials.
      const given: unknown = client;
      const shown: unknown = isRecord(given)
        ? Object.fromEntries(Object.keys(given).map((name) => [name, "(not shown)"]))
        : given;
      throw new OptionError("client", "an SQSClient of @aws-sdk/client-sqs", shown);
    }
    checkOptionNames(options, known);
    const { requestTimeoutMs = 30_000, clock = systemClock } = options;
    requireDeadline("requestTimeoutMs", requestTimeoutMs);
    requireClock(clock);
    this.#bare = new BareSdk(client);
    this.#clock = clock;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  async call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    { signal }: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    if (!isRecord(input)) {
      throw new SqsRequestError(`${operation}: the input is no object`, operation);
    }
    const timeoutMs = this.#requestTimeoutMs + waitMs(operation, input);
    return boundedCall(this.#bare, operation, input, { clock: this.#clock, timeoutMs, signal });
  }
}

/** The client as it is, which sets itself no deadline. */
class BareSdk implements SqsApi {
  readonly #client: SdkClient;

  constructor(client: SdkClient) {
    this.#client = client;
  }

  async call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    { signal }: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    const command = await toCommand(operation, input);
    signal?.throwIfAborted();
    let answered = false;
    let mayBeApplied = false;
    command.middlewareStack.add(
      // For each attempt: the SDK's retries are above.
      (next) => async (request) => {
        let refused = false;
        try {
          const response = await next(request);
          answered = true;
          refused = isRefusal(response);
          return response;
        } finally {
          mayBeApplied ||= !refused;
        }
      },
      // Next to the wire, so that what reads the answer has not begun.
      { step: "deserialize", priority: "low" },
    );
    let output: unknown;
    try {
      output = await this.#client.send(command, signal && { abortSignal: signal });
    } catch (error) {
      // The SDK rejects with an error of its own, not with the reason.
      if (signal?.aborted) throw signal.reason;
      const sqsError = toSqsError(operation, error, answered);
      throw mayBeApplied ? markMayBeApplied(sqsError) : sqsError;
    }
    if (!isRecord(output)) throw notSqs(operation);
    delete output["$metadata"];
    return checkedAnswer(operation, output);
  }
}

/** A command of the SDK: what is asked of it here. */
interface SdkCommand {
  readonly middlewareStack: {
    add(
      middleware: <Request, Response>(next: Step<Request, Response>) => Step<Request, Response>,
      options: { readonly step: "deserialize"; readonly priority: "low" },
    ): void;
  };
}

/** A step of a command's way through the SDK. */
type Step<Request, Response> = (request: Request) => Promise<Response>;

type Commands = Readonly<Record<SqsOperation, new (...input: never[]) => SdkCommand>>;

let loading: Promise<Commands> | undefined;

async function toCommand(operation: SqsOperation, input: object): Promise<SdkCommand> {
  loading ??= loadCommands();
  let commands: Commands;
  try {
    commands = await loading;
  } catch (error) {
    loading = undefined;
    const message = `${operation}: the package @aws-sdk/client-sqs cannot be loaded`;
    throw new SqsRequestError(message, operation, { cause: publicCause(error) });
  }
  // The SDK's inputs are ours with mutable arrays, which no assignment could say.
  const command: SdkCommand = Reflect.construct(commands[operation], [input]);
  return command;
}

async function loadCommands(): Promise<Commands> {
  const sdk = await import("@aws-sdk/client-sqs");
  return {
    CreateQueue: sdk.CreateQueueCommand,
    DeleteQueue: sdk.DeleteQueueCommand,
    GetQueueUrl: sdk.GetQueueUrlCommand,
    ListQueues: sdk.ListQueuesCommand,
    GetQueueAttributes: sdk.GetQueueAttributesCommand,
    SetQueueAttributes: sdk.SetQueueAttributesCommand,
    PurgeQueue: sdk.PurgeQueueCommand,
    SendMessage: sdk.SendMessageCommand,
    SendMessageBatch: sdk.SendMessageBatchCommand,
    ReceiveMessage: sdk.ReceiveMessageCommand,
    DeleteMessage: sdk.DeleteMessageCommand,
    DeleteMessageBatch: sdk.DeleteMessageBatchCommand,
    ChangeMessageVisibility: sdk.ChangeMessageVisibilityCommand,
    ChangeMessageVisibilityBatch: sdk.ChangeMessageVisibilityBatchCommand,
    TagQueue: sdk.TagQueueCommand,
    UntagQueue: sdk.UntagQueueCommand,
    ListQueueTags: sdk.ListQueueTagsCommand,
    ListDeadLetterSourceQueues: sdk.ListDeadLetterSourceQueuesCommand,
    StartMessageMoveTask: sdk.StartMessageMoveTaskCommand,
    ListMessageMoveTasks: sdk.ListMessageMoveTasksCommand,
    CancelMessageMoveTask: sdk.CancelMessageMoveTaskCommand,
  };
}

/** Whether an attempt was answered with what says that it was not applied. */
function isRefusal(answer: unknown): boolean {
  const response = isRecord(answer) ? answer["response"] : undefined;
  const statusCode = isRecord(response) ? response["statusCode"] : undefined;
  return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500;
}

/** Names of errors that say nothing: the answer was an error, but not one of SQS. */
const nameless = new Set(["Error", "SyntaxError", "UnknownError", "Unknown"]);

/** @param answered whether an answer had come by then, so that the request was sound. */
function toSqsError(operation: SqsOperation, thrown: unknown, answered: boolean): SqsError {
  if (thrown instanceof SqsError) return thrown;
  const fields: Record<string, unknown> = isRecord(thrown) ? thrown : {};
  const metadata = isRecord(fields["$metadata"]) ? fields["$metadata"] : {};
  const { httpStatusCode: statusCode, requestId } = metadata;
  const name = typeof fields["name"] === "string" ? fields["name"] : "Error";

  if (typeof statusCode === "number" && statusCode !== 200 && !nameless.has(name)) {
    const { message, $fault: fault } = fields;
    return new SqsServiceError({
      operation,
      errorName: publicText(name),
      text: publicText(typeof message === "string" ? message : ""),
      statusCode,
      senderFault: fault === undefined ? statusCode < 500 : fault === "client",
      requestId: typeof requestId === "string" ? requestId : undefined,
    });
  }
  // The SDK hides the answer in these; their texts quote it, and with it messages.
  const stumbled = answered && thrown instanceof TypeError;
  if (name === "SyntaxError" || stumbled || "$response" in fields || statusCode !== undefined) {
    return notSqs(operation, typeof statusCode === "number" ? statusCode : undefined);
  }
  const cause = publicCause(thrown);
  const text = `${operation}: ${cause.message}`;
  // The SDK compares MD5 sums, and says so in a plain Error.
  if (/checksum/i.test(cause.message)) return new SqsResponseError(text, operation, { cause });
  if (/Provider(?:Error)?$/.test(name) || /credential/i.test(cause.message)) {
    return new SqsCredentialsError(text, operation, { cause });
  }
  const refused = thrown instanceof TypeError || /\bregion\b/i.test(cause.message);
  if (refused && thrown instanceof Error && codeOf(thrown) === undefined) {
    return new SqsRequestError(text, operation, { cause });
  }
  return new SqsConnectionError(text, operation, { cause });
}

function notSqs(operation: SqsOperation, statusCode?: number): SqsResponseError {
  const status = statusCode === undefined ? "" : ` (HTTP ${statusCode})`;
  return new SqsResponseError(`${operation}: the answer is not SQS's${status}`, operation);
}
