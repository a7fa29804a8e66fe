/**
 * Owns the errors of SQS calls and what kind of trouble each one is. It never retries; who does asks
 * for the `category`.
 */
import { MillraceError } from "../errors.ts";

/**
 * What kind of trouble a failed call is in, which decides what helps:
 *
 * - `missingQueue`: the queue does not exist (or is being deleted). Waiting may help, if someone creates it.
 * - `denied`: no credentials, wrong ones, or no permission. Waiting may help, if someone grants it.
 * - `throttled`: SQS wants fewer calls. Slow down.
 * - `invalid`: the request itself is wrong, and the same request will be refused again.
 * - `transient`: a fault of the service or of the network. Try again later.
 */
export type SqsErrorCategory = "missingQueue" | "denied" | "throttled" | "invalid" | "transient";

/** Options of an {@link SqsError}. */
export interface SqsErrorOptions extends ErrorOptions {
  /** See {@link SqsError.mayBeApplied}. Default: true, but false for what was refused or never sent. */
  readonly mayBeApplied?: boolean;
}

/** The base of everything an {@link SqsApi} call rejects with, an abort apart. */
export abstract class SqsError extends MillraceError {
  abstract readonly category: SqsErrorCategory;
  /** The operation that failed, as AWS spells it. */
  readonly operation: string;
  /**
   * Whether SQS may have applied the call all the same: one of its attempts, the last or an earlier one, was
   * sent and came to no clear answer. A send that is repeated then may enqueue twice.
   */
  readonly mayBeApplied: boolean;

  constructor(message: string, operation: string, options: SqsErrorOptions = {}) {
    super(message, options);
    this.operation = operation;
    this.mayBeApplied = options.mayBeApplied ?? true;
  }
}

/** Says of an error that SQS may have applied an earlier attempt, whatever the last one came to. */
export function markMayBeApplied<E extends SqsError>(error: E): E {
  return Object.assign(error, { mayBeApplied: true });
}

/** Data of an {@link SqsServiceError}. */
export interface SqsServiceErrorFields {
  readonly operation: string;
  /** AWS's name of the error: `QueueDoesNotExist`. */
  readonly errorName: string;
  /** AWS's text, for people. */
  readonly text: string;
  /** The answer's HTTP status. */
  readonly statusCode: number;
  /** Whether the caller is at fault, rather than the service. */
  readonly senderFault: boolean;
  /** AWS's id of the request, for its support. */
  readonly requestId?: string | undefined;
}

/** SQS answered, with an error. */
export class SqsServiceError extends SqsError {
  readonly code = "SQS_SERVICE_ERROR";
  readonly category: SqsErrorCategory;
  readonly errorName: string;
  readonly statusCode: number;
  readonly senderFault: boolean;
  readonly requestId: string | undefined;

  constructor(fields: SqsServiceErrorFields, options?: SqsErrorOptions) {
    const { operation, errorName, text, statusCode, senderFault } = fields;
    const category = categorize(errorName, statusCode, senderFault);
    // A fault in the middle of it leaves open how far SQS had come.
    const mayBeApplied = category === "transient";
    super(`${operation}: ${errorName}: ${text}`, operation, { mayBeApplied, ...options });
    this.errorName = errorName;
    this.statusCode = statusCode;
    this.senderFault = senderFault;
    this.requestId = fields.requestId;
    this.category = category;
  }
}

/** No answer came: the name did not resolve, the connection was refused, reset or closed. */
export class SqsConnectionError extends SqsError {
  readonly code = "SQS_CONNECTION_FAILED";
  readonly category = "transient";
}

/** No answer came in time. */
export class SqsTimeoutError extends SqsError {
  readonly code = "SQS_TIMEOUT";
  readonly category = "transient";
  /** How long the call was given. */
  readonly timeoutMs: number;

  constructor(operation: string, timeoutMs: number, options?: SqsErrorOptions) {
    const whose = options?.cause instanceof Error ? `: ${options.cause.message}` : "";
    super(`${operation}: no answer within ${timeoutMs} ms${whose}`, operation, options);
    this.timeoutMs = timeoutMs;
  }
}

/** Something answered that is not SQS: HTML, a redirect, broken JSON, a body without end. */
export class SqsResponseError extends SqsError {
  readonly code = "SQS_BAD_RESPONSE";
  readonly category = "transient";
}

/** No credentials were found, or the provider of them failed. */
export class SqsCredentialsError extends SqsError {
  readonly code = "SQS_NO_CREDENTIALS";
  readonly category = "denied";

  constructor(message: string, operation: string, options?: SqsErrorOptions) {
    super(message, operation, { mayBeApplied: false, ...options });
  }
}

/**
 * The call was never sent, because it cannot be: its input is no JSON, no region is known, the endpoint is
 * no URL, the client is closed.
 */
export class SqsRequestError extends SqsError {
  readonly code = "SQS_BAD_REQUEST";
  readonly category = "invalid";

  constructor(message: string, operation: string, options?: SqsErrorOptions) {
    super(message, operation, { mayBeApplied: false, ...options });
  }
}

const missingQueue = new Set([
  "QueueDoesNotExist",
  "AWS.SimpleQueueService.NonExistentQueue",
  "QueueDeletedRecently",
  "AWS.SimpleQueueService.QueueDeletedRecently",
]);

const denied = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AuthFailure",
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSecurity",
  "InvalidSignatureException",
  "KmsAccessDenied",
  "MissingAuthenticationToken",
  "NotAuthorized",
  "OptInRequired",
  "RequestExpired",
  "RequestInTheFuture",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

const throttled = new Set([
  "KmsThrottled",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "TooManyRequestsException",
]);

/** Faults of the service that come with a status below 500, or marked as the sender's. */
const transient = new Set([
  "InternalError",
  "InternalFailure",
  "RequestTimeout",
  "RequestTimeoutException",
  "ServiceUnavailable",
]);

function categorize(errorName: string, status: number, senderFault: boolean): SqsErrorCategory {
  if (missingQueue.has(errorName)) return "missingQueue";
  if (denied.has(errorName)) return "denied";
  // OverLimit: too many in flight. Only fewer or slower calls help.
  if (throttled.has(errorName) || errorName === "OverLimit" || status === 429) return "throttled";
  if (transient.has(errorName)) return "transient";
  if (status === 401 || status === 403) return "denied";
  return senderFault && status < 500 ? "invalid" : "transient";
}
