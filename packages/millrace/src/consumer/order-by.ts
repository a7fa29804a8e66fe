/**
 * Owns the keys of lanes: what the user's `orderBy` may answer, and the asking. It never decides whose turn
 * it is.
 */
import { onRejection } from "../errors.ts";
import { OrderKeyError } from "./errors.ts";
import type { Message } from "./message.ts";

/** Names a lane: messages with the same key are processed one after the other. */
export type LaneKey = string | number;

/**
 * Answers the key of a message's lane, at once and without effects; undefined for a message that needs no
 * order. One that throws, or answers anything else, fails its message, which is retried.
 */
export type OrderBy<Body> = (message: Message<Body>) => LaneKey | undefined;

/** @throws what `orderBy` throws; OrderKeyError when its answer names no lane. */
export function keyOf<Body>(message: Message<Body>, orderBy: OrderBy<Body>): LaneKey | undefined {
  const key: unknown = orderBy(message);
  if (key === undefined || typeof key === "string" || typeof key === "number") return key;
  onRejection(key, () => {}); // An async function's own error says less than that it is one.
  throw new OrderKeyError(key);
}
