/**
 * Promise 2: never more deliveries in hand than handlers can take at once and `prefetch`, those that open
 * polls may bring included, and never more handlers than `concurrency`, nor messages in a batch than its
 * size. Promise 3: no worker idles while a delivery waits, but for the time in which a batch fills.
 */
import { capacity } from "./inference.ts";
import type { Ledger } from "./ledger.ts";
import type { Consumer, Delivery } from "./records.ts";
import type { Rule } from "./rule.ts";

/** How long a worker may leave a delivery lie. */
const idleForMs = 100;

export function boundRule(): Rule {
  /** Since when each consumer has had idle workers and a delivery for them; of batches, always the same one. */
  const idle = new Map<Consumer, { readonly waiting: Delivery; readonly sinceMs: number }>();
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "handlerStarted") {
        const consumer = ledger.consumer(entry.consumer);
        const { concurrency, batches } = consumer.facts;
        const running = ledger.running(consumer);
        const inBatch = ledger.batches.get(entry.batch ?? 0)?.length ?? 1;
        if (inBatch > (batches?.maxSize ?? 1)) {
          report("bounded", `consumer ${consumer.number} handles ${inBatch} in one batch`);
        }
        if (running > concurrency) {
          const text = `consumer ${consumer.number} runs ${running} handlers of ${concurrency}`;
          report("bounded", text);
        }
      } else if (
        entry.type === "request" &&
        entry.operation === "ReceiveMessage" &&
        entry.who !== "producer"
      ) {
        const consumer = ledger.consumer(entry.who);
        const bound = capacity(consumer.facts);
        let held = 0;
        for (const delivery of consumer.hand) if (ledger.isHeld(delivery)) held += 1;
        let asked = 0;
        for (const { request } of consumer.polls) asked += request.wanted;
        if (held + asked > bound) {
          const text = `consumer ${consumer.number} holds ${held} and asks for ${asked}, of ${bound}`;
          report("bounded", text);
        }
      }
    },
    pass: (ledger, nextMs, report) => {
      for (const consumer of ledger.consumers.values()) {
        const waiting = waitingForNothing(consumer, ledger);
        if (waiting === undefined) {
          idle.delete(consumer);
          continue;
        }
        const { batches } = consumer.facts;
        const before = idle.get(consumer);
        const since =
          before === undefined || (batches !== undefined && before.waiting !== waiting)
            ? { waiting, sinceMs: ledger.nowMs }
            : before;
        idle.set(consumer, since);
        if (nextMs - since.sinceMs <= idleForMs + (batches?.maxWaitMs ?? 0)) continue;
        idle.delete(consumer);
        const { number } = consumer;
        report(
          "no barrier",
          `delivery ${waiting.delivery} waits, and workers of consumer ${number} idle`,
        );
      }
    },
  };
}

/** A delivery that could be handled, and is not. */
function waitingForNothing(consumer: Consumer, ledger: Ledger): Delivery | undefined {
  const { phase, blockedUntilMs, hand, runs, facts } = consumer;
  if (phase !== "running" || ledger.nowMs <= blockedUntilMs || hand.size === 0) return undefined;
  if (facts.slowBodies || ledger.running(consumer) >= facts.concurrency) return undefined;
  // A lane that has anything in hand but what waits may be closed for a while.
  const closed = new Set<string>();
  const ordered = facts.lanes !== "none";
  if (ordered) {
    for (const { delivery } of runs) if (delivery?.lane !== undefined) closed.add(delivery.lane);
    for (const delivery of hand) {
      const open = isWaiting(delivery, ledger) && delivery.barredBy === undefined;
      if (delivery.lane !== undefined && !open && !ledger.isGone(delivery))
        closed.add(delivery.lane);
    }
  }
  for (const delivery of hand) {
    if (!isWaiting(delivery, ledger)) continue;
    if (ordered && delivery.lane !== undefined && closed.has(delivery.lane)) continue;
    return delivery;
  }
  return undefined;
}

function isWaiting(delivery: Delivery, ledger: Ledger): boolean {
  const { run, settleSentMs, sound, touched } = delivery;
  return (
    run === undefined && settleSentMs === undefined && sound && !touched && ledger.isHeld(delivery)
  );
}
