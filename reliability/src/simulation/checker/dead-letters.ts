/**
 * Owns the messages that SQS itself moved to the dead-letter queue: nobody sees when, only that they are
 * there in the end. It never knows copies, which the log has.
 */
import type { Entry } from "../log.ts";

export function movedToDeadLetters(entries: readonly Entry[]): ReadonlySet<string> {
  const last = entries.at(-1);
  return new Set(last?.type === "ended" ? last.deadLettered : []);
}
