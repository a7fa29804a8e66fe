/**
 * Owns the contracts of a channel's two halves, word for word what a user may rely on. It holds no code.
 */

/** Options of a wait. */
export interface WaitOptions {
  /** Ends the wait, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of a {@link SendChannel.trySend}. */
export type TrySendResult = "sent" | "full" | "closed";

/** What a {@link ReceiveChannel.tryReceive} found. */
export type TryReceiveResult<T> =
  | { readonly status: "received"; readonly value: T }
  | { readonly status: "empty" }
  | { readonly status: "closed" };

/**
 * The half of a channel that values go into. Any number of callers may share it.
 */
export interface SendChannel<in T> {
  /**
   * Sends a value, and waits while the channel is full. Resolves when the value is in the buffer, or in a
   * receiver's hand.
   *
   * Order: values are received in the order of the calls to `send` and `trySend` that took effect. Callers
   * that wait are served first come, first served, and nobody overtakes them: `trySend` finds the channel
   * full while anyone waits.
   *
   * Abort: a signal that has aborted already, or aborts during the wait, rejects with its reason, and then
   * the value was not sent. An abort after the value was taken changes nothing: the promise resolves. So
   * the outcome always says truly who has the value.
   *
   * Close: a send that waits when the channel is closed goes on waiting, and its value can still be
   * received. A send that waits when the receiver cancels rejects; its value stays the caller's.
   *
   * @throws ChannelClosedError when the channel is closed before the call, or cancelled before the value
   * is taken. The value was not sent.
   */
  send(value: T, options?: WaitOptions): Promise<void>;

  /**
   * Sends a value if that takes no waiting: into free space of the buffer, or to a receiver that waits.
   * Otherwise the value stays the caller's. With capacity 0 there must be a receiver waiting.
   */
  trySend(value: T): TrySendResult;

  /**
   * Ends sending. Later sends reject with ChannelClosedError. What is buffered, and what sends that wait
   * already hold, can still be received; after that, receivers are told that the channel is closed.
   * Receivers that wait now are told at once. Calling it again does nothing.
   */
  close(): void;

  /** The most values the buffer holds. */
  readonly capacity: number;
  /** Values in the buffer now. What sends that wait hold is not counted. */
  readonly size: number;
  /** Receives that wait now. More than 0 only when the channel is empty: so many sends succeed at once, capacity apart. */
  readonly waitingReceivers: number;
  /** Whether sends are refused: the channel was closed or cancelled. */
  readonly closed: boolean;
}

/**
 * The half of a channel that values come out of. Any number of callers may share it; each value goes to
 * one of them.
 *
 * Iterating it receives until the channel is closed and drained, and then ends. Several loops over one
 * channel share its values. Leaving a loop early leaves the channel as it is: it neither closes nor
 * cancels it.
 */
export interface ReceiveChannel<out T> extends AsyncIterable<T, undefined> {
  /**
   * Receives the oldest value, and waits while there is none.
   *
   * Order: values come out as they went in. Receivers that wait are served first come, first served.
   *
   * Abort: a signal that has aborted already, or aborts during the wait, rejects with its reason, and then
   * no value was taken: the next receiver gets it. Once a value has been handed over an abort changes
   * nothing, even if the caller's `await` has not come back yet: the promise resolves with the value. No
   * value is lost between the two, so a caller that was told to stop must look at what its last receive
   * brought.
   *
   * A value that is a promise would be awaited on the way, as promises do; wrap it to pass it on as it is.
   *
   * @throws ChannelClosedError when the channel is closed and nothing is left in it, or is cancelled.
   */
  receive(options?: WaitOptions): Promise<T>;

  /** Receives the oldest value if there is one now: from the buffer, or from a send that waits. */
  tryReceive(): TryReceiveResult<T>;

  /**
   * Ends both sides at once. Sends that wait, and later ones, reject with ChannelClosedError; so do
   * receives.
   *
   * @returns what was sent and not received, oldest first: it is the caller's now. Values of sends that
   * waited are not among them, since those senders have been told that they keep them. A second call
   * returns nothing.
   */
  cancel(): T[];

  /** The most values the buffer holds. */
  readonly capacity: number;
  /** Values in the buffer now. What sends that wait hold is not counted. */
  readonly size: number;
  /** Sends that wait now. More than 0 only when the buffer is full. */
  readonly waitingSenders: number;
  /** Receives that wait now. More than 0 only when the channel is empty. */
  readonly waitingReceivers: number;
  /** Whether nothing can be received any more: closed and drained, or cancelled. */
  readonly closed: boolean;
}
