/**
 * Promise 3: while workers idle and permits are free, a poll is open, however long other handlers take. And open
 * polls ask for no more together than the consumer's limit has just allowed.
 */
import { capacity } from "./inference.ts";
import type { Ledger } from "./ledger.ts";
import type { Consumer } from "./records.ts";
import type { Rule } from "./rule.ts";

/** The longest rest after answers that came back empty, and then some. */
const restsForMs = 2_500;
/** The longest rest after a failure. */
const failedRestMs = 20_000;

/** A consumer as this rule knows it. */
interface Polling {
  started: boolean;
  lastFailureMs: number;
  /** Since when it has had an idle worker and no poll open. */
  idleSinceMs: number | undefined;
  /** What its limit allowed last; undefined once a poll has been opened on it. */
  allowed: number | undefined;
}

export function pollRule(): Rule {
  const pollings = new Map<number, Polling>();
  const pollingOf = (consumer: number): Polling => {
    let polling = pollings.get(consumer);
    if (polling === undefined) {
      polling = {
        started: false,
        lastFailureMs: -Infinity,
        idleSinceMs: undefined,
        allowed: undefined,
      };
      pollings.set(consumer, polling);
    }
    return polling;
  };
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "startResolved") {
        // It may have been stopped before its start had resolved.
        if (ledger.consumer(entry.consumer).phase === "running") {
          pollingOf(entry.consumer).started = true;
        }
      } else if (entry.type === "startCalled" || entry.type === "stopCalled") {
        // Of a consumer that runs already nothing changes.
        if (ledger.consumer(entry.consumer).phase !== "running" || entry.type === "stopCalled") {
          pollingOf(entry.consumer).started = false;
        }
      } else if (entry.type === "limitAnswered") {
        pollingOf(entry.consumer).allowed = entry.allowed;
      } else if (entry.type === "answered" || entry.type === "aborted") {
        const request = ledger.calls.get(entry.call)?.request;
        if (request?.operation !== "ReceiveMessage" || request.who === "producer") return;
        if (entry.type === "aborted" || entry.error !== undefined || entry.late) {
          pollingOf(request.who).lastFailureMs = entry.atMs;
        }
      } else if (
        entry.type === "request" &&
        entry.operation === "ReceiveMessage" &&
        entry.who !== "producer"
      ) {
        const consumer = ledger.consumer(entry.who);
        const polling = pollingOf(entry.who);
        const { allowed } = polling;
        polling.allowed = undefined;
        // Those that take back what was stranded are for no handler.
        if (!consumer.facts.limited || consumer.phase !== "running") return;
        let asked = 0;
        for (const { request } of consumer.polls) asked += request.wanted;
        if (allowed !== undefined && asked <= allowed) return;
        const text = `consumer ${entry.who} asks for ${asked}, and its limit allowed ${allowed ?? "none"}`;
        report("bounded", text);
      }
    },
    pass: (ledger, nextMs, report) => {
      for (const consumer of ledger.consumers.values()) {
        const polling = pollings.get(consumer.number);
        if (polling === undefined) continue;
        if (!polling.started || !couldPoll(consumer, ledger)) {
          polling.idleSinceMs = undefined;
          continue;
        }
        polling.idleSinceMs ??= ledger.nowMs;
        const sinceMs = Math.max(polling.idleSinceMs, polling.lastFailureMs + failedRestMs);
        if (nextMs - sinceMs <= restsForMs) continue;
        polling.idleSinceMs = undefined;
        report("no barrier", `workers of consumer ${consumer.number} idle, and no poll is open`);
      }
    },
  };
}

/** Whether there is every reason for a poll, and none is open. */
function couldPoll(consumer: Consumer, ledger: Ledger): boolean {
  const { phase, paused, blockedUntilMs, polls, hand, facts } = consumer;
  if (facts.limited || facts.slowBodies || phase !== "running" || paused) return false;
  if (ledger.nowMs <= blockedUntilMs) return false;
  if (polls.size > 0 || hand.size >= capacity(facts)) return false;
  return ledger.running(consumer) < facts.concurrency;
}
