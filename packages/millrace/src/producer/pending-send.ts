/**
 * Owns one send from its call to its end: where it stands, how to settle it, and its abort listener. It
 * never moves itself; the outbox does.
 */
import { listen } from "../channel/abort-listeners.ts";
import type { AbortListener, Listening } from "../channel/abort-listeners.ts";
import type { Links } from "../channel/linked-list.ts";
import type { SendResult } from "./attempt.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";

/**
 * Where a send stands.
 *
 * | state    | entered                                          | left                                              |
 * |----------|--------------------------------------------------|---------------------------------------------------|
 * | waiting  | at the call, when maxPending sends are under way | when there is room; given up; abort               |
 * | queued   | when there is room; when an attempt failed and   | when its lane's turn comes; given up; abort       |
 * |          | it is to be tried again                          |                                                   |
 * | inFlight | as an entry of a request                         | with the answer; abort                            |
 * | settled  | sent, refused, given up, aborted                 | never                                             |
 */
export type PendingState = "waiting" | "queued" | "inFlight" | "settled";

/** What a send is made of. */
export interface PendingSendInit {
  readonly message: OutgoingMessage;
  /** Its number among the outbox's sends. */
  readonly order: number;
  /** When it was called, when it no longer waits for company, and when it is no longer tried; on the clock. */
  readonly calledMs: number;
  readonly dueMs: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** Called once when the signal aborts before the send is settled. */
  readonly onAbort: (send: PendingSend, reason: unknown) => void;
  readonly resolve: (result: SendResult) => void;
  readonly reject: (reason: unknown) => void;
}

/** A send that has begun. All mutable fields are written by the outbox alone. */
export class PendingSend implements Links<PendingSend>, AbortListener {
  readonly message: OutgoingMessage;
  readonly order: number;
  readonly calledMs: number;
  readonly dueMs: number;
  readonly deadlineMs: number;

  state: PendingState = "waiting";
  /** Requests it was part of. */
  attempts = 0;
  /** One of them ended without a clear answer. */
  mayBeSent = false;
  /** What the last of them that failed, and was to be tried again, failed with. */
  lastError: unknown;
  /** It goes out in a request of its own, since one that it shared was refused as a whole. */
  alone = false;
  /** Its neighbours in the room's queue, and later in its lane. */
  previous: PendingSend | undefined;
  next: PendingSend | undefined;

  readonly #listening: Listening | undefined;
  readonly #onAbort: (send: PendingSend, reason: unknown) => void;
  readonly #resolve: (result: SendResult) => void;
  readonly #reject: (reason: unknown) => void;

  constructor(init: PendingSendInit) {
    this.message = init.message;
    this.order = init.order;
    this.calledMs = init.calledMs;
    this.dueMs = init.dueMs;
    this.deadlineMs = init.deadlineMs;
    this.#onAbort = init.onAbort;
    this.#resolve = init.resolve;
    this.#reject = init.reject;
    this.#listening = init.signal && listen(init.signal, this);
  }

  onAbort(reason: unknown): void {
    this.#onAbort(this, reason);
  }

  resolve(result: SendResult): void {
    this.#end();
    this.#resolve(result);
  }

  reject(reason: unknown): void {
    this.#end();
    this.#reject(reason);
  }

  #end(): void {
    this.state = "settled";
    this.#listening?.end();
  }
}
