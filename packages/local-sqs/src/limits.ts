/**
 * Owns the limits of SQS's parameters, and the checks of single values against them. It never knows
 * which operation a value is for.
 *
 * Limits are those of AWS's API reference and of the quotas in its developer guide
 * (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html).
 */
import { Buffer } from "node:buffer";
import { invalidValue, missingParameter, Refusal } from "./refusal.ts";

/** 12 hours: the longest visibility timeout, and the longest a receive can be stretched to in total. */
export const maxVisibilitySeconds = 43_200;
export const maxDelaySeconds = 900;
export const maxWaitSeconds = 20;
export const maxReceiveMessages = 10;
const maxBatchEntries = 10;
/** One message, and all messages of a batch together: bodies and attributes. */
export const maxPayloadBytes = 1_048_576;
/** In flight in one queue. */
export const defaultInFlightLimit = 120_000;
/** How long a deduplication id, and a ReceiveRequestAttemptId, are remembered. */
export const deduplicationMs = 300_000;
/** Between two purges of a queue, and between deleting a queue and creating its namesake. */
export const cooldownMs = 60_000;

/** What SQS takes for text: XML 1.0's characters. Under `u`, half a surrogate pair is outside the set. */
const illegalCharacter = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const token = /^[\w!"#$%&'()*+,\-./:;<=>?@[\\\]^`{|}~]{1,128}$/;
const entryId = /^[\w-]{1,80}$/;
const queueName = /^[\w-]{1,80}$/;
const fifoQueueName = /^[\w-]{1,75}\.fifo$/;

/** @throws Refusal when the parameter was not given, or is empty. */
export function required(value: string | undefined, parameter: string): string {
  if (value === undefined || value === "") throw missingParameter(parameter);
  return value;
}

/** @throws Refusal when `value` is given and not an integer of the range. */
export function optionalInteger(
  value: number | undefined,
  parameter: string,
  min: number,
  max: number,
): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalidValue(value, parameter, `Must be between ${min} and ${max}, if provided.`);
  }
  return value;
}

/** Seconds of visibility, where they must be given. */
export function requiredVisibility(value: number | undefined): number {
  const seconds = optionalInteger(value, "VisibilityTimeout", 0, maxVisibilitySeconds);
  if (seconds === undefined) throw missingParameter("VisibilityTimeout");
  return seconds;
}

/** A group id, a deduplication id or a receive attempt's id. */
export function requireToken(value: string, parameter: string): void {
  if (token.test(value)) return;
  const reason = `${parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.`;
  throw invalidValue(value, parameter, reason);
}

export function requireText(text: string): void {
  if (!illegalCharacter.test(text)) return;
  throw new Refusal(
    "InvalidMessageContents",
    "Invalid binary character was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.",
  );
}

/** Whether characters outside SQS's set are in it. */
export function hasIllegalCharacters(text: string): boolean {
  return illegalCharacter.test(text);
}

export function requireQueueName(name: string, fifo: boolean): void {
  if (!fifo && !queueName.test(name)) {
    throw new Refusal(
      "InvalidParameterValue",
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    );
  }
  if (fifo && !fifoQueueName.test(name)) {
    throw new Refusal(
      "InvalidParameterValue",
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
    );
  }
}

/** The rules of a batch as a whole. An entry's own faults are that entry's. */
export function requireEntries(entries: readonly { readonly Id: string }[] | undefined): void {
  if (entries === undefined || entries.length === 0) {
    throw new Refusal("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (entries.length > maxBatchEntries) {
    const text = `Maximum number of entries per request are ${maxBatchEntries}. You have sent ${entries.length}.`;
    throw new Refusal("TooManyEntriesInBatchRequest", text);
  }
  const seen = new Set<string>();
  for (const { Id: id } of entries) {
    if (id === undefined || !entryId.test(id)) {
      throw new Refusal(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    }
    if (seen.has(id)) throw new Refusal("BatchEntryIdsNotDistinct", `Id ${id} repeated.`);
    seen.add(id);
  }
}

export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
