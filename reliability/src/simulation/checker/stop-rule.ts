/**
 * Promise 8: stop() ends polling, starts no handler, releases what no worker had started, flushes
 * settlements, and resolves in time; after it has, nothing runs and nothing is sent.
 */
import { isReadByWorkers, isToBeCopied } from "./inference.ts";
import type { Ledger } from "./ledger.ts";
import type { Consumer, Delivery } from "./records.ts";
import type { Report, Rule } from "./rule.ts";

/** What a stop may take beyond its deadline, as the documentation of `Consumer.stop` has it, and a little. */
const beyondDeadlineMs = 18_500;

export function stopRule(): Rule {
  /** What each consumer had in hand when stop was called, and what it got since. */
  const stopping = new Map<Consumer, Set<Delivery>>();
  return {
    see: (entry, ledger, report) => {
      switch (entry.type) {
        case "stopCalled": {
          const consumer = ledger.consumer(entry.consumer);
          const begins = consumer.phase === "stopping" && !stopping.has(consumer);
          // A stop of one that has stopped answers the report of the last one.
          if (begins) stopping.set(consumer, new Set(consumer.hand));
          break;
        }
        case "crashed":
          stopping.delete(ledger.consumer(entry.consumer));
          break;
        case "answered":
          for (const { delivery: number } of entry.brought) {
            const delivery = ledger.deliveries.get(number);
            if (delivery?.consumer !== undefined) stopping.get(delivery.consumer)?.add(delivery);
          }
          break;
        case "request":
          if (entry.who !== "producer") {
            const consumer = ledger.consumer(entry.who);
            requested(consumer, entry.operation, entry.attempt, report);
            // The first poll of a start, which does not wait, is made all the same.
            if (consumer.paused && entry.waitSeconds > 0) {
              report("stops clean", `consumer ${consumer.number} polled while paused`);
            }
          }
          break;
        case "handlerStarted": {
          const { number, phase, stopCalledMs, facts } = ledger.consumer(entry.consumer);
          // Its worker had it already when stop was called, and was reading its body.
          const taken = phase === "stopping" && isReadByWorkers(facts);
          // Of the same instant it may have been with its worker already.
          if (phase !== "running" && entry.atMs > stopCalledMs && !taken) {
            report("stops clean", `consumer ${number} started a handler after stop() was called`);
          }
          break;
        }
        case "stopResolved": {
          const consumer = ledger.consumer(entry.consumer);
          const deliveries = stopping.get(consumer);
          stopping.delete(consumer);
          if (deliveries !== undefined) checkReport(consumer, deliveries, entry.reported, report);
          stopped(consumer, entry.timers, ledger, report);
          break;
        }
        default:
      }
    },
  };
}

function requested(
  consumer: Consumer,
  operation: string,
  attempt: string | undefined,
  report: Report,
): void {
  const { number, phase, attempts } = consumer;
  if (phase === "idle" || phase === "crashed") {
    report("stops clean", `consumer ${number} sent ${operation} after stop() had resolved`);
  }
  // On a FIFO queue an attempt that was given up may be asked for again, for its messages to be released.
  const takesBack = attempt !== undefined && attempts.has(attempt);
  if (phase === "stopping" && operation === "ReceiveMessage" && !takesBack) {
    report("stops clean", `consumer ${number} polled after stop() was called`);
  }
  if (attempt !== undefined) attempts.add(attempt);
}

function stopped(consumer: Consumer, timers: number, ledger: Ledger, report: Report): void {
  const { number, stopCalledMs, stopDeadlineMs, blockedMs, hand, runs, phase } = consumer;
  const complain = (text: string): void => report("stops clean", `consumer ${number}: ${text}`);
  const { nowMs } = ledger;
  const tookMs = nowMs - stopCalledMs;
  if (tookMs > stopDeadlineMs + beyondDeadlineMs + blockedMs) {
    complain(`stop() took ${tookMs} ms, with a deadline of ${stopDeadlineMs} ms`);
  }
  for (const run of runs) {
    if (!ledger.isLeftBehind(run)) complain(`stop() resolved while run ${run.number} went on`);
  }
  for (const delivery of hand) {
    const fault = unfinished(delivery, nowMs);
    if (fault !== undefined)
      complain(`stop() resolved, and delivery ${delivery.delivery} ${fault}`);
  }
  if (phase === "idle" && timers > 0) complain(`stop() resolved and left ${timers} timers`);
  hand.clear();
}

/** What stop owed a delivery and did not do, though nothing was in its way. */
function unfinished(delivery: Delivery, nowMs: number): string | undefined {
  const { run, touched, receiveFaulty, settleApplied, visibleAtMs, sound, doubtful, consumer } =
    delivery;
  if (touched || receiveFaulty || doubtful || settleApplied || visibleAtMs <= nowMs)
    return undefined;
  if (run === undefined) {
    const taken = consumer !== undefined && isReadByWorkers(consumer.facts);
    return sound && !taken ? "was not released" : undefined;
  }
  if (run.end === undefined || run.end.how === "returned") return undefined;
  // Told to end: whether it was settled depends on when it did.
  return run.abortedMs === undefined ? "was not settled" : undefined;
}

/** Its report has every delivery once; where the log leaves a doubt about one, it cannot be held to it. */
function checkReport(
  { number, blockedMs }: Consumer,
  deliveries: ReadonlySet<Delivery>,
  reported: number,
  report: Report,
): void {
  for (const delivery of deliveries) {
    const { touched, receiveFaulty, doubtful, late, run } = delivery;
    if (touched || receiveFaulty || doubtful || late || run?.abortedMs !== undefined) return;
    // Its copy may have been refused, and it given up long ago.
    if (isToBeCopied(delivery)) return;
  }
  if (blockedMs > 0 || reported === deliveries.size) return;
  const text = `consumer ${number} reports ${reported} deliveries, and had ${deliveries.size}`;
  report("stops clean", text);
}
