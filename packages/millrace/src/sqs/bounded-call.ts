/**
 * Owns the deadline of one call, kept on the injected clock whatever the implementation of SqsApi does.
 * It never retries.
 */
import { listen } from "../channel/abort-listeners.ts";
import type { Clock, Timer } from "../clock.ts";
import type { SqsApi, SqsInput, SqsOperation, SqsOutput } from "./api.ts";
import { BoundedCallOptions } from "./call-abort.ts";
import { SqsTimeoutError } from "./errors.ts";

/** How long a call that was aborted may take to end by itself, with an answer that was on its way. */
const abortGraceMs = 1_000;

/** What ends a call that does not end by itself. */
export interface CallLimits {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Bounds of one call. */
export interface CallBounds<Output> extends CallLimits {
  /** Gets the answer of a call that had been given up. Must not throw. */
  readonly onLate?: ((output: Output) => void) | undefined;
}

/**
 * Calls SQS and settles in any case: with the answer, with the call's error, with `signal.reason` after
 * an abort, or with {@link SqsTimeoutError} after `timeoutMs`. An implementation that ignores its signal
 * is left alone a second after the abort.
 */
export function boundedCall<O extends SqsOperation>(
  sqs: SqsApi,
  operation: O,
  input: SqsInput<O>,
  bounds: CallBounds<SqsOutput<O>>,
): Promise<SqsOutput<O>> {
  const { clock, timeoutMs, signal, onLate } = bounds;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const options = new BoundedCallOptions();
    let open = true;
    let timer: Timer;
    /** Runs `last` if nothing has ended the call yet. */
    const end = (last: () => void): boolean => {
      if (!open) return false;
      open = false;
      timer.cancel();
      listening?.end();
      last();
      return true;
    };
    const giveUp = (reason: unknown): void => {
      timer.cancel();
      timer = clock.setTimer(() => end(() => reject(reason)), abortGraceMs);
      options.abort.abort(reason);
    };
    const listening = signal && listen(signal, { onAbort: giveUp });
    timer = clock.setTimer(() => {
      listening?.end();
      giveUp(new SqsTimeoutError(operation, timeoutMs));
    }, timeoutMs);

    started(() => sqs.call(operation, input, options)).then(
      (output) => end(() => resolve(output)) || onLate?.(output),
      // When it has ended, the caller has had its error already: the deadline, or its own abort.
      (error: unknown) => end(() => reject(error)),
    );
  });
}

/** `sqs`, with each of its calls bounded by the same deadline. */
export function bounded(sqs: SqsApi, clock: Clock, timeoutMs: number): SqsApi {
  return {
    call: (operation, input, options) =>
      boundedCall(sqs, operation, input, { clock, timeoutMs, signal: options?.signal }),
  };
}

/** An async function, so that an implementation that throws rather than rejects is no special case. */
async function started<T>(call: () => Promise<T>): Promise<T> {
  return call();
}
