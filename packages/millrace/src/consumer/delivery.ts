/**
 * Owns the state machine of a delivery: every state, and every way from one to the next. It never
 * calls SQS and never runs a handler; the parts that do move it, and all else follows its moves.
 */
import type { Links } from "../channel/linked-list.ts";
import { maxVisibilitySeconds } from "../sqs/limits.ts";
import type { ReceivedMessage } from "../sqs/operations.ts";
import { LeaseLostError } from "./errors.ts";
import { HandlerRun } from "./handler-run.ts";
import { toMessage } from "./message.ts";
import type { Message } from "./message.ts";
import type { Outcome } from "./outcome.ts";

/**
 * ```
 *                  ┌──────────────── release ────────────────┐
 *                  │                                         ▼
 *  (receive) ─▶ received ─▶ waiting ─▶ running ──────────▶ settling ─▶ settled
 *                  │           │          │                  │ ▲
 *                  │           └──────────┼──── release ─────┼─┘
 *                  └───────────┴──────────┴─▶     lost     ◀─┘
 * ```
 *
 * | state | entered when | left when |
 * |---|---|---|
 * | received | SQS's answer holds it; its permit is taken, its lease begins | it has its turn and is sent into the channel, or it is released: by a stop, behind one of its lane that failed, or at once, when its poll had been given up or is taken back |
 * | waiting | it is on its way through the channel, or in a batch that is gathered | a worker takes it, or it is released: by a stop, or behind one of its lane that failed in the same batch |
 * | running | a worker takes it | its outcome is known |
 * | settling | its outcome is known; its lease is extended no more | SQS has confirmed the settlement, or it is given up |
 * | settled | SQS has confirmed | never: the permit goes back |
 * | lost | the lease is over, SQS says it is not ours, or its settlement is given up | never: the permit goes back |
 *
 * A stop that runs out of time leaves a delivery `running`: its handler could not be ended, its lease
 * runs out at SQS.
 */
export type DeliveryState = "received" | "waiting" | "running" | "settling" | "settled" | "lost";

/** Which states may follow which. */
const following: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = {
  received: ["waiting", "settling", "lost"],
  waiting: ["running", "settling", "lost"],
  running: ["settling", "lost"],
  settling: ["settled", "lost"],
  settled: [],
  lost: [],
};

/** What of the 12 hours is left unused: SQS's count of them is a little ahead of ours. */
const totalMarginMs = 60_000;

/** Told of every move, after it is made. Permits, gauges and leases follow deliveries through it. */
export interface DeliveryObserver {
  moved(delivery: Delivery, from: DeliveryState): void;
}

/**
 * One receipt of a message. It is keyed by itself, never by the message's id: two deliveries of one
 * message can be in hand at once.
 */
export class Delivery extends HandlerRun implements Links<Delivery> {
  readonly receiptHandle: string;
  /** As SQS answered it; what a copy for the dead-letter queue is made of. */
  readonly received: ReceivedMessage;
  /**
   * How far the lease may be stretched, on the monotonic clock: a message can be in flight for 12 hours
   * since its receive, and beyond them SQS refuses to extend it (AWS API reference, ChangeMessageVisibility).
   */
  readonly leaseLimitMs: number;
  /** Its neighbours in hand. */
  previous: Delivery | undefined;
  next: Delivery | undefined;
  readonly #observer: DeliveryObserver;
  #state: DeliveryState = "received";
  #message: Message<unknown>;
  #leaseUntilMs: number;
  #worker: number | undefined;
  #outcome: Outcome | undefined;
  #handlerMs = 0;
  #requestOpen = false;
  #onRequestEnd: (() => void) | undefined;

  /**
   * @param leaseFromMs when the lease began, at the earliest, on the monotonic clock.
   * @param visibilitySeconds what the receive asked for.
   */
  constructor(
    received: ReceivedMessage & { readonly ReceiptHandle: string },
    queueUrl: string,
    leaseFromMs: number,
    visibilitySeconds: number,
    observer: DeliveryObserver,
  ) {
    super();
    this.received = received;
    this.receiptHandle = received.ReceiptHandle;
    this.leaseLimitMs = leaseFromMs + maxVisibilitySeconds * 1_000 - totalMarginMs;
    this.#message = toMessage(received, queueUrl);
    this.#leaseUntilMs = leaseFromMs + visibilitySeconds * 1_000;
    this.#observer = observer;
  }

  get state(): DeliveryState {
    return this.#state;
  }

  /** The message, its body parsed once {@link setMessage} was called. */
  get message(): Message<unknown> {
    return this.#message;
  }

  override get messageIds(): readonly string[] {
    return [this.#message.id];
  }

  /** The worker that took it; undefined before. */
  get worker(): number | undefined {
    return this.#worker;
  }

  /** What is to become of it; undefined before it is settling. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** How long its handler ran; 0 when none did. */
  get handlerMs(): number {
    return this.#handlerMs;
  }

  /** Until when the lease holds, on the monotonic clock. */
  get leaseUntilMs(): number {
    return this.#leaseUntilMs;
  }

  // ── Moves. Each throws when the state does not allow it: that is a defect of ours. ──

  /** received → waiting: it is sent towards a worker. */
  wait(): void {
    this.#move("waiting");
  }

  /** waiting → running: worker number `worker` takes it. */
  run(worker: number): void {
    this.#worker = worker;
    this.#move("running");
  }

  /** received, waiting or running → settling. */
  settle(outcome: Outcome, handlerMs = 0): void {
    this.#outcome = outcome;
    this.#handlerMs = handlerMs;
    this.#move("settling");
  }

  /** settling → settled: SQS has confirmed. */
  confirm(): void {
    this.#move("settled");
  }

  /** any → lost. Aborts the signal of its handler with `error`, while that runs. */
  lose(error: Error): void {
    const handlerMayRun = this.#state !== "settling";
    this.#move("lost");
    if (handlerMayRun) this.abort(error);
  }

  /** The lease now holds until `untilMs`. Called by the lease keeper alone, and only after SQS has said so. */
  extendLease(untilMs: number): void {
    this.#leaseUntilMs = untilMs;
  }

  /** Records the parsed message; called before the handler runs, by whoever reads the body: the intake or a worker. */
  setMessage(message: Message<unknown>): void {
    this.#message = message;
  }

  // ── One request at a time: an extension and a settlement of one delivery never race. ──

  /** A request about this delivery goes out. */
  beginRequest(): void {
    this.#requestOpen = true;
  }

  /** It has ended, one way or another. */
  endRequest(): void {
    this.#requestOpen = false;
    const onEnd = this.#onRequestEnd;
    this.#onRequestEnd = undefined;
    onEnd?.();
  }

  get requestOpen(): boolean {
    return this.#requestOpen;
  }

  /** Calls back once no request about this delivery is open: now, or when the open one ends. */
  whenNoRequest(callback: () => void): void {
    if (this.#requestOpen) this.#onRequestEnd = callback;
    else callback();
  }

  #move(to: DeliveryState): void {
    const from = this.#state;
    if (!following[from].includes(to)) {
      throw new Error(`a delivery cannot go from ${from} to ${to}; this is a defect of Millrace`);
    }
    this.#state = to;
    this.#observer.moved(this, from);
  }
}

/** The error of a delivery whose lease ran out by the clock; `cause` is why it was not extended, if anything is known. */
export function leaseExpired({ message }: Delivery, cause: Error | undefined): LeaseLostError {
  const options = cause === undefined ? undefined : { cause };
  return new LeaseLostError(message.id, "it ran out before it could be extended", options);
}
