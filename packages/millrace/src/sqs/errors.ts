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

/** The base of everything an {@link SqsApi} call rejects with, an abort apart. */
export abstract class SqsError extends MillraceError {
  abstract readonly category: SqsErrorCategory;
  /** The operation that failed, as AWS spells it. */
  readonly operation: string;

  constructor(message: string, operation: string, options?: ErrorOptions) {
    super(message, options);
    this.operation = operation;
  }
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

  constructor(fields: SqsServiceErrorFields, options?: ErrorOptions) {
    super(`${fields.operation}: ${fields.errorName}: ${fields.text}`, fields.operation, options);
    this.errorName = fields.errorName;
    this.statusCode = fields.statusCode;
    this.senderFault = fields.senderFault;
    this.requestId = fields.requestId;
    this.category = categorize(fields.errorName, fields.statusCode, fields.senderFault);
  }
}

/** No answer came: the name did not resolve, the connection was refused, reset or closed. */
export class SqsConnectionError extends SqsError {
  readonly code = "SQS_CONNECTION_FAILED";
  readonly category = "transient";
}

/** No answer came in time. The call may have been applied all the same. */
export class SqsTimeoutError extends SqsError {
  readonly code = "SQS_TIMEOUT";
  readonly category = "transient";
  /** How long the call was given. */
  readonly timeoutMs: number;

  constructor(operation: string, timeoutMs: number, options?: ErrorOptions) {
    super(`${operation}: no answer within ${timeoutMs} ms`, operation, options);
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
}

/**
 * The call was never sent, because it cannot be: its input is no JSON, no region is known, the endpoint is
 * no URL, the client is closed.
 */
export class SqsRequestError extends SqsError {
  readonly code = "SQS_BAD_REQUEST";
  readonly category = "invalid";
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
