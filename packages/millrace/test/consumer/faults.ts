/**
 * Owns the ways in which SQS fails in consumer tests: its errors, and the answer that never comes. It
 * never decides when.
 */
import type { SqsOperation } from "millrace";
import { SqsConnectionError, SqsServiceError } from "millrace";

/** An error that SQS itself answers with. */
export function serviceError(
  operation: SqsOperation,
  errorName: string,
  statusCode = 400,
): SqsServiceError {
  const fields = { operation, errorName, text: errorName, statusCode };
  return new SqsServiceError({ ...fields, senderFault: statusCode < 500 });
}

export const refused = (): SqsConnectionError =>
  new SqsConnectionError("connect ECONNREFUSED 127.0.0.1:9324", "ReceiveMessage");
export const unresolved = (): SqsConnectionError =>
  new SqsConnectionError("getaddrinfo ENOTFOUND sqs.eu-north-9.amazonaws.com", "ReceiveMessage");
export const throttled = (): SqsServiceError => serviceError("ReceiveMessage", "RequestThrottled");
export const missing = (): SqsServiceError =>
  serviceError("ReceiveMessage", "AWS.SimpleQueueService.NonExistentQueue");
export const denied = (): SqsServiceError =>
  serviceError("ReceiveMessage", "AccessDeniedException", 403);

/** An answer that never comes, whatever the signal says. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {});

/** A promise with its ends outside, for tests that decide when something answers. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** What a promise rejects with; undefined when it resolves. */
export function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
