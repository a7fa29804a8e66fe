/**
 * Owns how messages between the processes of one program are told apart: by their member `type`. It never looks
 * further: both sides are of the same build.
 */

/** The type of a message, undefined when it has none. */
export function typeOf(message: unknown): unknown {
  return typeof message === "object" && message !== null && "type" in message
    ? message.type
    : undefined;
}
