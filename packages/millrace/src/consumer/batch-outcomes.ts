/**
 * Owns the reading of what a batch handler answered: whether it is one outcome a message. It never carries one out.
 */
import { isThenable, onRejection } from "../errors.ts";
import { BatchOutcomeError } from "./errors.ts";
import { isOutcome } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

/**
 * What the answer says of each of `count` messages; undefined when it is no array, and so is about all of them.
 *
 * @param onRejected gets what promises in the answer reject with, which nobody else would hear of: the process would end.
 * @throws BatchOutcomeError for an array that is not one outcome, or undefined, a message; nothing else.
 */
export function outcomesOf(
  answer: unknown,
  count: number,
  onRejected: (error: unknown) => void,
): readonly (Outcome | undefined)[] | undefined {
  try {
    return Array.isArray(answer) ? read(answer, count, onRejected) : undefined;
  } catch (error) {
    if (error instanceof BatchOutcomeError) throw error;
    throw new BatchOutcomeError("an array that cannot be read", { cause: error });
  }
}

/** @throws BatchOutcomeError, or whatever an array of the user's own throws when it is read. */
function read(
  answer: readonly unknown[],
  count: number,
  onRejected: (error: unknown) => void,
): readonly (Outcome | undefined)[] {
  const { length } = answer;
  // By index: an array may have holes, and methods of its own.
  const values = Array.from({ length: Math.min(length, count) }, (_, index) => answer[index]);
  const all = length > count ? Object.values(answer) : values;
  for (const value of all) onRejection(value, onRejected);
  if (length !== count) throw new BatchOutcomeError(`an array of ${length} for ${count} messages`);
  return values.map((value, index) => {
    // What Promise.allSettled answers is an array too: only what is meant as one may acknowledge.
    if (value === undefined || isOutcome(value)) return value;
    const what = isPromise(value)
      ? "a promise, which it has not awaited"
      : "neither an outcome nor undefined";
    throw new BatchOutcomeError(`an array whose entry ${index} is ${what}`);
  });
}

function isPromise(value: unknown): boolean {
  try {
    return isThenable(value);
  } catch {
    return false; // A proxy that objects to being asked.
  }
}
