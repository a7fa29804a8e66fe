/**
 * Owns the order in which a consumer stops. It never waits without a bound.
 */
import type { ReceiveChannel } from "../channel/halves.ts";
import type { Clock } from "../clock.ts";
import { sleep } from "../clock.ts";
import type { Delivery } from "./delivery.ts";
import { ConsumerStoppedError } from "./errors.ts";
import type { InHand } from "./in-hand.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import { giveBack, stopping } from "./outcome.ts";
import type { Receiver } from "./receiver.ts";
import type { Settler } from "./settler.ts";
import type { Counters } from "./statistics.ts";

/** How long settlements may take once the last handler has ended. */
const settleWithinMs = 10_000;

/** What a stop did with the deliveries that were in hand when it was called. */
export interface Drained {
  /** Handlers that came to their own end, by the deadline or in the seconds after it, and whose outcome SQS has confirmed. */
  readonly finished: number;
  /** Deliveries given back to the queue: not started, or interrupted at the deadline. */
  readonly released: number;
  /** Deliveries that were let go: a handler that did not end, or a settlement that SQS did not confirm. Their messages come again. */
  readonly abandoned: number;
}

/** What `consumer.stop()` answers. */
export interface StopReport extends Drained {
  /**
   * Handlers that still run: they ignored their signal for 5 seconds, in this stop or at any time before, and nobody
   * can end them. They are none of the numbers above, but that the message of one that was told to end by this
   * very stop is abandoned.
   */
  readonly leftBehind: number;
  /** How long the stop took, in ms. */
  readonly durationMs: number;
}

export interface ShutdownParts {
  readonly clock: Clock;
  readonly receiver: Receiver;
  readonly channel: ReceiveChannel<Delivery>;
  /** Resolves when every worker's loop has ended. */
  readonly working: Promise<unknown>;
  readonly inHand: InHand;
  /** Reads bodies on their way to the channel. */
  readonly intake: { stop(): void };
  readonly settler: Settler;
  readonly leases: LeaseKeeper;
  /** The consumer's, which the stop's settlements add to. */
  readonly counters: Readonly<Counters>;
}

/**
 * 1. Polling ends: open polls are aborted, what one brings all the same is released. Meanwhile the rest goes on until step 5.
 * 2. What no worker has started is released.
 * 3. Running handlers go on, their leases kept, until `deadlineMs`.
 * 4. At the deadline their signals abort; they have a few seconds to end, and are released when they do.
 * 5. Settlements go out, for {@link settleWithinMs} at most.
 * 6. Leases are kept no more. From here on nothing is sent: what an SqsApi that ignores its signal still
 *    brings is left to its visibility timeout.
 *
 * Where SQS answers nothing: 7 s for step 1 on a FIFO queue (a second for what is aborted, six for what is asked again),
 * or `deadlineMs` and 5 s for steps 3 and 4, whichever is longer; 10 s for step 5; a second for what is given up then.
 */
export async function shutDown(parts: ShutdownParts, deadlineMs: number): Promise<Drained> {
  const { clock, receiver, channel, working, inHand, intake, settler, leases, counters } = parts;
  const before = { ...counters };

  const pollingEnded = receiver.stop();
  channel.cancel();
  // Also what waits in its lane, and what a worker has been handed in this very moment.
  for (const delivery of inHand) {
    if (delivery.state === "received" || delivery.state === "waiting") {
      delivery.settle(giveBack(stopping));
    }
  }
  intake.stop();
  settler.hurry();

  if (!(await endsWithin(clock, working, deadlineMs))) {
    const reason = new ConsumerStoppedError(`stop() reached its deadline of ${deadlineMs} ms`);
    for (const delivery of inHand) {
      if (delivery.state === "running") delivery.abort(reason);
    }
    // Bounded: a worker leaves a handler behind that does not end.
    await working;
  }
  await pollingEnded;

  await endsWithin(clock, inHand.whenNoneSettling(), settleWithinMs);
  settler.abort(new ConsumerStoppedError("stop() had no more time for it"));
  const leasesStopped = leases.stop();
  receiver.end();
  // What was given up just now: bounded, since calls that were aborted end within a second.
  await inHand.whenNoneSettling();
  await leasesStopped;

  const ended = (names: readonly (keyof Counters)[]): number =>
    names.reduce((sum, name) => sum + counters[name] - before[name], 0);
  return {
    finished: ended(["acknowledged", "retried", "deadLettered"]),
    released: ended(["released"]),
    abandoned: inHand.size + ended(["leasesLost", "settlementsFailed"]),
  };
}

/** Whether `promise`, which never rejects, resolves within `ms`. */
async function endsWithin(clock: Clock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const timedOut = sleep(clock, ms, over.signal).then(
    () => false,
    () => true, // Aborted below: the promise was faster.
  );
  const ended = promise.then(() => true);
  const result = await Promise.race([ended, timedOut]);
  over.abort();
  return result;
}
