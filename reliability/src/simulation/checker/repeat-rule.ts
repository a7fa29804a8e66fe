/**
 * What is due is done soon, what did not go well is done again, and what came late is given back: extensions
 * and settlements are repeated while the lease holds, and no delivery is left lying.
 */
import { capacity } from "./inference.ts";
import type { Entry } from "../log.ts";
import type { Ledger } from "./ledger.ts";
import type { Consumer, Delivery, Run } from "./records.ts";
import type { Rule } from "./rule.ts";

/** The longest backoff between two attempts, and a little. */
const repeatWithinMs = 5_500;
const lateWithinMs = 2_000;
/** From a handler's end: deletes may wait for company, but not on a FIFO queue, whose groups wait for them. */
const settleWithinMs = { standard: 50, fifo: 0 };
/** The longest pause after an extension that failed, as a share of the visibility timeout, and a little. */
const extendAgainShare = 0.11;
/** A call that was given up may take so long to end. */
const abortWithinMs = 1_000;

interface Owed {
  readonly byMs: number;
  readonly text: string;
}

export function repeatRule(): Rule {
  const owed = new Map<Delivery, Owed>();
  const owe = (delivery: Delivery, withinMs: number, text: string, ledger: Ledger): void => {
    const byMs = ledger.nowMs + withinMs;
    const leaseMs = Math.min(delivery.visibleAtMs, delivery.heldUntilMs);
    // Near its end the lease decides, not the backoff.
    if (leaseMs > byMs + 500 && !owed.has(delivery)) owed.set(delivery, { byMs, text });
  };
  /** An extension that failed. Once its handler has ended it is settled instead. */
  const oweExtension = (delivery: Delivery, { type }: Entry, ledger: Ledger): void => {
    const { consumer, run, doubtful } = delivery;
    if (consumer?.phase !== "running" || doubtful || run?.endedMs !== undefined) return;
    const withinMs =
      consumer.facts.visibilitySeconds * 1_000 * extendAgainShare +
      (type === "aborted" ? abortWithinMs : 0);
    const text = `the extension of delivery ${delivery.delivery} failed and was not repeated`;
    owe(delivery, withinMs, text, ledger);
  };
  /** One whose handler has ended, with nothing in the way. */
  const oweSettlement = (run: Run, ledger: Ledger): void => {
    const { delivery, consumer, abortedMs } = run;
    if (delivery === undefined) return;
    // It is extended no more, also where it is settled by way of a copy, which is not about it.
    owed.delete(delivery);
    if (abortedMs !== undefined || delivery.open.size > 0) return;
    if (consumer.phase !== "running" || ledger.nowMs <= consumer.blockedUntilMs) return;
    if (!ledger.isHeld(delivery)) return;
    // An extension that was given up just now may take a second to end.
    if (ledger.nowMs - consumer.lastAbortMs <= abortWithinMs) return;
    const text = `the handler of delivery ${delivery.delivery} has ended, and it is not settled`;
    owe(delivery, settleWithinMs[consumer.facts.fifo ? "fifo" : "standard"], text, ledger);
  };
  return {
    see: (entry, ledger) => {
      if (entry.type === "request") {
        for (const { delivery: number } of entry.about) {
          const delivery = ledger.deliveries.get(number);
          if (delivery !== undefined) owed.delete(delivery);
        }
      } else if (entry.type === "answered" || entry.type === "aborted") {
        const call = ledger.calls.get(entry.call);
        for (const [index, delivery] of call?.deliveries.entries() ?? []) {
          const answer = entry.type === "answered" ? entry.entries[index] : undefined;
          if (entry.type === "answered" && entry.late) {
            // What comes in the second after it was given up is taken all the same.
            owed.delete(delivery);
            continue;
          }
          if (answer === "done" || answer === "refused") continue;
          if (call?.settles[index] === "no") oweExtension(delivery, entry, ledger);
          if (call?.settles[index] !== "yes") continue;
          const text = `the settlement of delivery ${delivery.delivery} failed and was not repeated`;
          const withinMs = repeatWithinMs + (entry.type === "aborted" ? abortWithinMs : 0);
          if (delivery.consumer?.phase === "running") owe(delivery, withinMs, text, ledger);
        }
        if (entry.type !== "answered" || !entry.late || entry.brought.length === 0) return;
        const [first] = entry.brought;
        const consumer = ledger.deliveries.get(first?.delivery ?? 0)?.consumer;
        if (consumer === undefined || !hasRoom(consumer)) return;
        // Another poll that was given up just now may hold its permits for a second.
        if (entry.atMs - consumer.lastAbortMs <= abortWithinMs) return;
        // Of a poll before a stop: after that has resolved nothing is sent.
        if ((call?.request.atMs ?? 0) <= consumer.stopCalledMs) return;
        for (const { delivery: number } of entry.brought) {
          const delivery = ledger.deliveries.get(number);
          const text = `delivery ${number} came late and was not given back`;
          if (delivery !== undefined) owe(delivery, lateWithinMs, text, ledger);
        }
      } else if (entry.type === "handlerStarted") {
        const delivery = ledger.deliveries.get(entry.delivery);
        if (delivery !== undefined) owed.delete(delivery);
      } else if (entry.type === "handlerEnded") {
        const run = ledger.runs.get(entry.run);
        if (run !== undefined) oweSettlement(run, ledger);
      } else if (
        entry.type === "stopCalled" ||
        entry.type === "crashed" ||
        entry.type === "blocked"
      ) {
        const consumer = ledger.consumer(entry.consumer);
        for (const delivery of owed.keys())
          if (delivery.consumer === consumer) owed.delete(delivery);
      }
    },
    pass: (_ledger, nextMs, report) => {
      for (const [delivery, { byMs, text }] of owed) {
        if (byMs >= nextMs) continue;
        owed.delete(delivery);
        // Lost meanwhile: SQS refused something.
        if (delivery.run?.abortCode !== "LEASE_LOST") report("outcomes are carried out", text);
      }
    },
  };
}

/** Whether permits are free for what has come; on a FIFO queue the poll is opened again instead. */
function hasRoom({ facts, hand, polls, phase, blockedUntilMs }: Consumer): boolean {
  if (facts.fifo || phase !== "running" || blockedUntilMs > 0) return false;
  let asked = 0;
  for (const { request } of polls) asked += request.wanted;
  return hand.size + asked <= capacity(facts);
}
