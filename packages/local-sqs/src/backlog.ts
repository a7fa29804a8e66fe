/**
 * Owns what a queue asks of the part that says which message comes next: in that alone standard and FIFO
 * queues differ. It holds no code.
 */
import type { StoredMessage } from "./message.ts";

/** Keeps a queue's messages in the order in which they are to be received. */
export interface Backlog {
  /** Takes in a message that has just come into the queue, delayed or visible. */
  add(message: StoredMessage, nowMs: number): void;
  /** The message is about to leave the state that it is in. */
  leave(message: StoredMessage): void;
  /** The message has come into the state that it is in. */
  enter(message: StoredMessage): void;
  /**
   * The visible message that is to be received next, or undefined when there is none that may be.
   *
   * @param after the one that the same receive took before.
   */
  next(after: StoredMessage | undefined, nowMs: number): StoredMessage | undefined;
}
