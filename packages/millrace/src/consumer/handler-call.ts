/**
 * Owns the running of the user's handler, for one delivery or a batch: its context, its timeout, and the moment
 * when it is left behind. It never settles anything, and never rejects, whatever the handler does.
 */
import type { Clock, Timer } from "../clock.ts";
import { HandlerTimeoutError } from "./errors.ts";
import type { HandlerRun } from "./handler-run.ts";
import type { LeftBehind } from "./left-behind.ts";
import type { Logger } from "./logger.ts";
import type { Message } from "./message.ts";

/** What a handler gets beside the message. */
export interface HandlerContext {
  /**
   * Aborts when the handler should end: HandlerTimeoutError after `handlerTimeoutMs`, LeaseLostError when
   * the message may be handed to someone else, ConsumerStoppedError at stop's deadline; `signal.reason`
   * says which.
   *
   * Its listeners must not throw: Node makes what one throws an uncaught exception, which ends the process, or the
   * worker thread of `inThreads`.
   */
  readonly signal: AbortSignal;
  /** The worker's number, 1 to `concurrency`. */
  readonly worker: number;
  /** The consumer's logger. */
  readonly logger: Logger;
}

/**
 * The user's function. When it resolves, the message is deleted, whatever the value, unless it is an
 * outcome (`retry()`, `release()`, `deadLetter()`); when it throws, the message is retried.
 */
export type Handler<Body> = (message: Message<Body>, context: HandlerContext) => unknown;

/**
 * The user's function for many messages at once, at least one. Those of a message group or key are in order.
 * When it resolves with an array, that holds one outcome a message, or undefined for those that are done; any
 * other array is an error. Otherwise what it resolves with stands for all of them, as with a handler of one;
 * when it throws, all are retried.
 */
export type BatchHandler<Body> = (
  messages: readonly Message<Body>[],
  context: HandlerContext,
) => unknown;

/** How a handler's run ended. */
export type HandlerEnd =
  | { readonly how: "returned"; readonly value: unknown }
  | { readonly how: "threw"; readonly thrown: unknown }
  /** It was told to end, for `reason`, and did not within the grace: it may still be running. */
  | { readonly how: "leftBehind"; readonly reason: Error | undefined };

/** How long a handler may take to end after its signal aborted. */
const handlerGraceMs = 5_000;

/** What ends the waiting for a handler, and who is told of one that goes on. */
export interface HandlerBounds {
  readonly clock: Clock;
  /** Undefined: none. */
  readonly timeoutMs: number | undefined;
  readonly leftBehind: LeftBehind;
}

/**
 * Runs `handler` and resolves when it has ended, or when it has not ended {@link handlerGraceMs} after
 * the run's signal aborted.
 */
export function callHandler(
  run: HandlerRun,
  handler: () => Promise<unknown>,
  { clock, timeoutMs, leftBehind }: HandlerBounds,
): Promise<HandlerEnd> {
  return new Promise((resolve) => {
    let timer: Timer | undefined;
    const end = (ended: HandlerEnd): void => {
      timer?.cancel();
      run.onAbort(undefined);
      resolve(ended);
    };
    run.onAbort(() => {
      timer?.cancel();
      timer = clock.setTimer(() => {
        leftBehind.add(run, running);
        end({ how: "leftBehind", reason: run.abortReason });
      }, handlerGraceMs);
    });
    if (timeoutMs !== undefined && run.abortReason === undefined) {
      timer = clock.setTimer(() => run.abort(new HandlerTimeoutError(timeoutMs)), timeoutMs);
    }
    const running = handler();
    // After it was left behind, its end changes nothing here: the promise has resolved.
    running.then(
      (value) => end({ how: "returned", value }),
      (thrown: unknown) => end({ how: "threw", thrown }),
    );
  });
}

/** The context of one run. */
export function contextOf(run: HandlerRun, worker: number, logger: Logger): HandlerContext {
  return new RunContext(run, worker, logger);
}

class RunContext implements HandlerContext {
  /**
   * A property of each context, so that one that is spread into another has it too; and one getter for all of
   * them: with a getter of its own, V8 would make each a hidden class, which keeps the delivery in memory until
   * the next full collection.
   */
  static readonly #signal: PropertyDescriptor & ThisType<RunContext> = {
    enumerable: true,
    get() {
      return this.#run.signal;
    },
  };

  declare readonly signal: AbortSignal;
  readonly worker: number;
  readonly logger: Logger;
  readonly #run: HandlerRun;

  constructor(run: HandlerRun, worker: number, logger: Logger) {
    this.#run = run;
    Object.defineProperty(this, "signal", RunContext.#signal);
    this.worker = worker;
    this.logger = logger;
  }
}
