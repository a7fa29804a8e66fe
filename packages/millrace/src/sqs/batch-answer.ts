/**
 * Owns the reading of a batch's answer, entry by entry, whatever an SqsApi makes of it. It never decides
 * what becomes of an entry.
 */
import { SqsResponseError, SqsServiceError } from "./errors.ts";
import type { BatchResultErrorEntry } from "./operations.ts";
import { publicText } from "./redaction.ts";

/** What an answer says, by the entries' Ids. An entry may be in both, or in neither. */
export interface BatchAnswer<Success> {
  readonly successful: ReadonlyMap<string, Success>;
  readonly failed: ReadonlyMap<string, SqsServiceError>;
}

/** The answer of any batch operation. */
interface BatchOutputOf<Success> {
  readonly Successful?: readonly Success[] | undefined;
  readonly Failed?: readonly BatchResultErrorEntry[] | undefined;
}

/**
 * Reads an answer. A list that is none says nothing, and neither does an entry without an Id.
 *
 * @throws SqsResponseError when it is no answer at all.
 */
export function readBatchAnswer<Success extends { readonly Id?: string | undefined }>(
  operation: string,
  output: BatchOutputOf<Success> | undefined,
): BatchAnswer<Success> {
  if (typeof output !== "object" || output === null) {
    throw new SqsResponseError(`${operation}: the answer is not SQS's: it is no object`, operation);
  }
  return {
    successful: byId(output.Successful, (entry) => entry),
    failed: byId(output.Failed, (entry) => entryError(operation, entry)),
  };
}

/** Says of an entry that the answer does not: what became of it is not known. */
export function unnamed(operation: string, index: number): SqsResponseError {
  const text = `${operation}: the answer says nothing of entry ${index}`;
  return new SqsResponseError(text, operation);
}

function byId<Entry extends { readonly Id?: string | undefined }, Read>(
  list: readonly (Entry | null | undefined)[] | undefined,
  read: (entry: Entry) => Read,
): Map<string, Read> {
  const found = new Map<string, Read>();
  if (!Array.isArray(list)) return found;
  const entries: readonly (Entry | null | undefined)[] = list;
  for (const entry of entries) {
    if (typeof entry?.Id === "string") found.set(entry.Id, read(entry));
  }
  return found;
}

function entryError(operation: string, entry: BatchResultErrorEntry): SqsServiceError {
  const senderFault = entry.SenderFault === true;
  return new SqsServiceError({
    operation,
    errorName: shown(entry.Code) ?? "Unknown",
    text: shown(entry.Message) ?? "no reason was given",
    // An entry has no status of its own; this is what it would have had as a request.
    statusCode: senderFault ? 400 : 500,
    senderFault,
  });
}

function shown(value: unknown): string | undefined {
  return typeof value === "string" ? publicText(value) : undefined;
}
