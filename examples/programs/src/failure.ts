/**
 * Owns what a program says when it cannot go on: one line, and an exit code. It never prints.
 */
import { MillraceError, OptionError, SqsError, SqsRequestError, SqsServiceError } from "millrace";

/** What was asked for makes no sense. */
export class UsageError extends Error {}

/** The run ended, and not as asked for. */
export class RunFailedError extends Error {}

/** The database cannot be reached, or not used. The password in its URL is no part of the message. */
export class DatabaseUnusableError extends Error {
  constructor(url: string, cause: unknown) {
    super(`cannot use the database at ${placeOf(url)}: ${reasonOf(cause)}`, { cause });
  }
}

export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

export interface Complaint {
  /** One line. */
  readonly text: string;
  readonly exitCode: number;
}

/** What to tell of an error, whatever it is. */
export function complaintAbout(error: unknown): Complaint {
  const reason = whyOf(firstOf(error));
  // A request that cannot be sent: what AWS's variables and files say of endpoint or region is wrong.
  const misused =
    reason instanceof UsageError ||
    reason instanceof OptionError ||
    reason instanceof SqsRequestError;
  const exitCode = misused ? exitCodes.usage : exitCodes.failed;
  return { text: oneLine(textOf(reason)), exitCode };
}

/**
 * What failed first, where putting things away failed too: the error of `using` names both, and says of itself
 * only that there is another. By its name, since Node before 24 has no such class.
 */
function firstOf(error: unknown): unknown {
  const another =
    error instanceof Error && error.name === "SuppressedError" && "suppressed" in error;
  return another ? firstOf(error.suppressed) : error;
}

/** A send that failed says so; what SQS said is why. */
function whyOf(error: unknown): unknown {
  const failedSend = MillraceError.is(error) && error.code === "SEND_FAILED";
  return failedSend && error.cause instanceof SqsError ? error.cause : error;
}

function textOf(error: unknown): string {
  if (error instanceof OptionError && error.option === "queue")
    return `QUEUE_URL: ${error.message}`;
  if (error instanceof SqsError) {
    switch (error.category) {
      case "missingQueue":
        return `there is no such queue: ${error.message}`;
      case "denied":
        return `access to SQS is denied: ${error.message}`;
      case "transient":
        return error instanceof SqsServiceError
          ? error.message
          : `SQS cannot be reached: ${error.message}`;
      default:
        return error.message;
    }
  }
  return reasonOf(error);
}

/** Why a connection failed: Node tries all addresses of a host, and its error for that has no text of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map(reasonOf).join(", ");
  }
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return String(error);
}

/** Which database a URL names, without who uses it and the password. */
export function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

/** Postgres and the system write logs into their messages. */
function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s*\n\s*/g, "; ");
  // The beginning says what went wrong, the end of a log why.
  return line.length > 600 ? `${line.slice(0, 200)} … ${line.slice(-400)}` : line;
}
