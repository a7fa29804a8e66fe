/**
 * Owns the calls of a handler's own start and stop: each is bounded, and each start that resolved is stopped once. It
 * never decides when they are due, and never runs the handler.
 */
import { listen } from "../channel/abort-listeners.ts";
import type { Clock, Timer } from "../clock.ts";
import { hasMethods } from "../option-checks.ts";
import { waitFor } from "../sqs/wait-for.ts";
import type { Handler } from "./handler-call.ts";
import type { HandlerTraits } from "./handler-traits.ts";
import type { Logger } from "./logger.ts";

/**
 * What a handler has that is to be set up and cleared away, such as threads or connections. A consumer whose
 * `handle` or `handleBatch` has both methods calls them; several consumers may share one.
 */
export interface HandlerLifecycle {
  /**
   * Called by each start of a consumer, once its queue is known and before its first poll. When it rejects,
   * so does the consumer's start, and `stop` is not called for it.
   *
   * It may take as long as it needs, but for a stop: 5 seconds after the abort the consumer waits for it no more, and
   * logs an error. When it resolves later than that all the same, `stop` is called at once.
   *
   * @param options `signal` aborts when the consumer is stopped meanwhile.
   */
  start(options: { readonly signal: AbortSignal }): Promise<void>;
  /**
   * Called once for each start that resolved: at the very end of the consumer's stop, when no handler runs
   * any more but those that were left behind. The consumer's stop waits for it, 10 seconds at most; after them it
   * logs an error and has stopped.
   */
  stop(): Promise<void>;
}

/** A handler that is told of starts and stops, and may say something of itself. */
export interface ManagedHandler<Body> extends Handler<Body>, HandlerLifecycle, HandlerTraits {}

/** The lifecycle of a handler, if it has one. */
export function lifecycleOf(handler: object): HandlerLifecycle | undefined {
  return hasLifecycle(handler) ? handler : undefined;
}

function hasLifecycle(handler: object): handler is HandlerLifecycle {
  return hasMethods(handler, ["start", "stop"]);
}

/** How long a start may take to end after its signal aborted. */
const startGraceMs = 5_000;
const stopWithinMs = 10_000;

export interface ManagedRunParts {
  /** Undefined where the handler has none: nothing is called then. */
  readonly lifecycle: HandlerLifecycle | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One start of a handler with a lifecycle, and the stop that takes it back. */
export class ManagedRun {
  readonly #parts: ManagedRunParts;
  /** Set when start has resolved in time. */
  #started = false;
  /** Set by the first stop. */
  #stopped: Promise<void> | undefined;

  constructor(parts: ManagedRunParts) {
    this.#parts = parts;
  }

  /**
   * Starts the handler, once.
   *
   * @throws what its start throws; the signal's reason when it has aborted, or when the start outlasts its abort.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { lifecycle } = this.#parts;
    signal.throwIfAborted();
    if (lifecycle === undefined) return;
    await this.#untilGivenUp(lifecycle.start({ signal }), signal);
    this.#started = true;
  }

  /** Stops the handler if it was started; each call after the first waits for the same stop. Never rejects. */
  stop(): Promise<void> {
    this.#stopped ??= this.#started ? this.#stop() : Promise.resolve();
    return this.#stopped;
  }

  #untilGivenUp(starting: Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    return new Promise((resolve, reject) => {
      let grace: Timer | undefined;
      let givenUp = false;
      const giveUp = (reason: unknown): void => {
        givenUp = true;
        const text = `the handler's start did not end within ${startGraceMs} ms of its signal's abort`;
        logger.error(text, { error: reason });
        reject(reason);
      };
      const onAbort = (reason: unknown): void => {
        grace = clock.setTimer(() => giveUp(reason), startGraceMs);
      };
      // Its start may have stopped the consumer itself, before it returned.
      const listening = signal.aborted ? undefined : listen(signal, { onAbort });
      if (signal.aborted) onAbort(signal.reason);
      const end = (last: () => void): void => {
        listening?.end();
        grace?.cancel();
        last();
      };
      Promise.resolve(starting).then(
        () => end(() => (givenUp ? void this.#stop() : resolve())),
        (error: unknown) => end(() => reject(error)),
      );
    });
  }

  async #stop(): Promise<void> {
    const { lifecycle, clock, logger } = this.#parts;
    try {
      await waitFor(Promise.resolve(lifecycle?.stop()), {
        clock,
        timeoutMs: stopWithinMs,
        onTimeout: () => new Error(`its stop did not end within ${stopWithinMs} ms`),
      });
    } catch (error) {
      logger.error("the handler could not be stopped", { error });
    }
  }
}
