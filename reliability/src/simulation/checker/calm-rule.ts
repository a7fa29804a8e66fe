/**
 * Promise 7: every error path backs off; nothing spins. In any second a consumer makes no more requests than
 * what it has in hand accounts for, and a few.
 */
import type { Consumer } from "./records.ts";
import type { Rule } from "./rule.ts";

const windowMs = 1_000;
/**
 * Polls and their repeats. Where answers come at once and every other one is an error, each backoff is a first
 * one, 55 ms on average; and a consumer that is started again makes two requests more.
 */
const baseRequests = 28;
/** An extension, a settlement, its repeats. */
const requestsPerDelivery = 4;

/** While every poll fails, how many there may be in so long: each backoff is twice the one before. */
const outageMs = 10_000;
const pollsInOutage = 25;

interface Window {
  /** When its requests were made, oldest first. */
  readonly requestsMs: number[];
  /** When deliveries left its hand, one by one. */
  readonly settledMs: number[];
  /** When polls were opened since one failed and none has gone well; undefined: the last one went well. */
  failingPollsMs: number[] | undefined;
}

export function calmRule(): Rule {
  const windows = new Map<Consumer, Window>();
  const windowOf = (consumer: Consumer): Window => {
    let window = windows.get(consumer);
    if (window === undefined) {
      window = { requestsMs: [], settledMs: [], failingPollsMs: undefined };
      windows.set(consumer, window);
    }
    return window;
  };
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "startCalled") {
        // A start knows nothing of what failed before.
        windowOf(ledger.consumer(entry.consumer)).failingPollsMs = undefined;
      } else if (entry.type === "answered") {
        const request = ledger.calls.get(entry.call)?.request;
        if (request?.operation === "ReceiveMessage" && request.who !== "producer") {
          const window = windowOf(ledger.consumer(request.who));
          window.failingPollsMs =
            entry.error === undefined ? undefined : (window.failingPollsMs ?? []);
        }
        for (const { consumer, settleConfirmed } of ledger.calls.get(entry.call)?.deliveries ??
          []) {
          if (settleConfirmed && consumer !== undefined) {
            windowOf(consumer).settledMs.push(entry.atMs);
          }
        }
      }
      if (entry.type !== "request" || entry.who === "producer") return;
      const consumer = ledger.consumer(entry.who);
      const { requestsMs, settledMs, failingPollsMs } = windowOf(consumer);
      if (entry.operation === "ReceiveMessage" && failingPollsMs !== undefined) {
        failingPollsMs.push(entry.atMs);
        forget(failingPollsMs, entry.atMs, outageMs);
        if (failingPollsMs.length > pollsInOutage) {
          const text = `consumer ${consumer.number} polled ${failingPollsMs.length} times in ${outageMs} ms, and each failed`;
          report("calm", text);
          failingPollsMs.length = 0;
        }
      }
      requestsMs.push(entry.atMs);
      forget(requestsMs, entry.atMs, windowMs);
      forget(settledMs, entry.atMs, windowMs);
      const work = settledMs.length + consumer.hand.size;
      const allowed = baseRequests + requestsPerDelivery * work;
      if (requestsMs.length <= allowed) return;
      const text = `consumer ${consumer.number} made ${requestsMs.length} requests in a second, with ${work} deliveries`;
      report("calm", text);
      requestsMs.length = 0;
    },
  };
}

function forget(times: number[], nowMs: number, withinMs: number): void {
  let old = 0;
  while ((times[old] ?? Infinity) <= nowMs - withinMs) old += 1;
  if (old > 0) times.splice(0, old);
}
