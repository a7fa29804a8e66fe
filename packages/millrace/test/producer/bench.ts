/**
 * Owns the set-up that the producer's tests share. It never asserts; the tests do, but for what every one of
 * them leaves behind.
 */
import { getEventListeners } from "node:events";
import { seededRandom } from "millrace/testing";
import { Producer } from "../../src/producer/producer.ts";
import type { ProducerOptions } from "../../src/producer/options.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { ScriptedSqs, standardUrl } from "./scripted-sqs.ts";

export interface Bench {
  readonly clock: VirtualClock;
  readonly sqs: ScriptedSqs;
  readonly producer: Producer;
  /** Closes the producer, lets time pass for it, and throws if anything is left. */
  finish(): Promise<void>;
}

export function createBench(
  options: Partial<ProducerOptions> = {},
  clock: VirtualClock = new VirtualClock(),
): Bench {
  const sqs = new ScriptedSqs(clock);
  const producer = new Producer({
    queue: standardUrl,
    sqs,
    clock,
    random: seededRandom(1),
    ...options,
  });
  return {
    clock,
    sqs,
    producer,
    finish: async () => {
      let closed = false;
      void producer.close().then(() => (closed = true));
      await clock.advanceUntil(() => closed);
      const { pending, inFlight } = producer.stats();
      if (pending > 0 || inFlight > 0 || clock.pendingTimers > 0 || sqs.open > 0) {
        const left = { pending, inFlight, timers: clock.pendingTimers, open: sqs.open };
        throw new Error(`left behind: ${JSON.stringify(left)}`);
      }
    },
  };
}

/** What a promise came to, or `pending`; awaits nothing. */
export function watch<T>(promise: Promise<T>): { outcome: "pending" | "resolved" | "rejected" } {
  const watched: { outcome: "pending" | "resolved" | "rejected" } = { outcome: "pending" };
  promise.then(
    () => (watched.outcome = "resolved"),
    () => (watched.outcome = "rejected"),
  );
  return watched;
}

export function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}
