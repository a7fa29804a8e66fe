/**
 * Owns how the service says no: AWS's names for its errors, and their HTTP statuses. It never decides
 * what is refused.
 */
import { SqsServiceError } from "millrace";

/** Statuses other than 400, as the service model of SQS has them. */
const statusCodes: ReadonlyMap<string, number> = new Map([
  ["InternalFailure", 500],
  ["InvalidAddress", 404],
  ["OverLimit", 403],
  ["PurgeQueueInProgress", 403],
  ["ReceiptHandleIsInvalid", 404],
  ["ResourceNotFoundException", 404],
  ["ServiceUnavailable", 503],
]);

/**
 * A call, or one entry of a batch, that SQS would refuse. It stays inside this package: for the caller
 * it becomes an SqsServiceError, or an entry under `Failed`.
 */
export class Refusal extends Error {
  /** AWS's name of the error. */
  readonly errorName: string;
  /** The name in a batch, where AWS has another one there. */
  readonly entryCode: string;

  constructor(errorName: string, text: string, entryCode: string = errorName) {
    super(text);
    this.name = "Refusal";
    this.errorName = errorName;
    this.entryCode = entryCode;
  }
}

/** What a call of `operation` rejects with after `thrown`. */
export function toServiceError(operation: string, thrown: unknown): SqsServiceError {
  const { errorName, message: text } = thrown instanceof Refusal ? thrown : ownFault(thrown);
  const statusCode = statusCodes.get(errorName) ?? 400;
  return new SqsServiceError(
    { operation, errorName, text, statusCode, senderFault: statusCode < 500 },
    { cause: thrown },
  );
}

/** AWS's name for a fault of its own, told in full: whoever reads it can look into this package. */
function ownFault(thrown: unknown): Refusal {
  const text =
    thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : "no Error was thrown";
  return new Refusal("InternalFailure", text);
}

export function missingParameter(parameter: string): Refusal {
  return new Refusal("MissingParameter", `The request must contain the parameter ${parameter}.`);
}

export function invalidValue(value: unknown, parameter: string, reason: string): Refusal {
  return new Refusal(
    "InvalidParameterValue",
    `Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`,
  );
}

/** A parameter that belongs to the other kind of queue. */
export function wrongQueueType(value: unknown, parameter: string): Refusal {
  return invalidValue(
    value,
    parameter,
    "The request includes a parameter that is not valid for this queue type.",
  );
}

export function queueDoesNotExist(): Refusal {
  return new Refusal("QueueDoesNotExist", "The specified queue does not exist.");
}
