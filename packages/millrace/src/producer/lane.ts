/**
 * Owns the sends that must go out one after the other, and where they stand together. It never moves by
 * itself; the lanes as a whole move it.
 */
import { LinkedList } from "../channel/linked-list.ts";
import type { Links } from "../channel/linked-list.ts";
import type { PendingSend } from "./pending-send.ts";

/**
 * Where a lane stands.
 *
 * | state      | meaning                                | left                                                  |
 * |------------|----------------------------------------|-------------------------------------------------------|
 * | idle       | no send is in it                       | with its first send, to ready; else forgotten         |
 * | ready      | its first sends may go out             | taken for a batch; its last send withdrawn            |
 * | inFlight   | a request holds sends of it            | with the answer: to ready, backingOff or idle         |
 * | backingOff | an attempt failed; nothing of it moves | when the backoff is over; its last send withdrawn     |
 *
 * So while a send of a lane is in a request, or is to be tried again, no later one overtakes it.
 */
export type LaneState = "idle" | "ready" | "inFlight" | "backingOff";

/** What tells lanes apart: the FIFO group, or the send itself. */
export type LaneKey = string | PendingSend;

/**
 * Sends in order: those of one group on a FIFO queue. On a standard queue, which promises no order, each send
 * is a lane of its own. Written by Lanes alone.
 */
export class Lane implements Links<Lane> {
  readonly key: LaneKey;
  /** Queued sends, oldest first. What is in flight is not among them. */
  readonly sends: LinkedList<PendingSend> = new LinkedList();
  state: LaneState = "idle";
  /** What it waits for while backingOff. */
  backoff: Backoff | undefined;
  /** Its neighbours among the lanes that are ready. */
  previous: Lane | undefined;
  next: Lane | undefined;

  constructor(key: LaneKey) {
    this.key = key;
  }
}

/** What lanes wait for together, after a request that failed them. */
export interface Backoff {
  /** Takes a lane out; the wait ends when none is left. */
  leave(lane: Lane): void;
}
