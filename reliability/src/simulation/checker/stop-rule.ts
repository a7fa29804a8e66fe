/**
 * Promise 8: stop() ends polling, starts no handler, releases what no worker had started, flushes
 * settlements, and resolves in time; after it has, nothing runs and nothing is sent.
 */
import type { Consumer, Delivery, Ledger } from "./ledger.ts";
import type { Report, Rule } from "./rule.ts";

/** What a stop may take beyond its deadline, as its documentation has it. */
const beyondDeadlineMs = 16_500;

export function stopRule(): Rule {
  return {
    see: (entry, ledger, report) => {
      switch (entry.type) {
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
          const { number, phase, stopCalledMs } = ledger.consumer(entry.consumer);
          // Of the same instant it may have been with its worker already.
          if (phase !== "running" && entry.atMs > stopCalledMs) {
            report("stops clean", `consumer ${number} started a handler after stop() was called`);
          }
          break;
        }
        case "stopResolved":
          stopped(ledger.consumer(entry.consumer), entry.timers, ledger, report);
          break;
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
  const { number, stopCalledMs, stopDeadlineMs, blockedMs, lastAbortMs, hand, runs, phase } =
    consumer;
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
  // A call that was given up just now may take a second to end.
  if (phase === "idle" && timers > 0 && nowMs - lastAbortMs > 1_000)
    complain(`stop() resolved and left ${timers} timers`);
  hand.clear();
}

/** What stop owed a delivery and did not do, though nothing was in its way. */
function unfinished(delivery: Delivery, nowMs: number): string | undefined {
  const { run, touched, receiveFaulty, settleApplied, visibleAtMs, sound, doubtful } = delivery;
  if (touched || receiveFaulty || doubtful || settleApplied || visibleAtMs <= nowMs)
    return undefined;
  if (run === undefined) return sound ? "was not released" : undefined;
  if (run.end === undefined || run.end.how === "returned") return undefined;
  // Told to end: whether it was settled depends on when it did.
  return run.abortedMs === undefined ? "was not settled" : undefined;
}
