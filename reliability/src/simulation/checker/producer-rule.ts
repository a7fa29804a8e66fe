/**
 * The producer keeps its word: a send that resolved is in the queue, one fails only when SQS refused it or for
 * lack of time, and on a FIFO queue the messages of a group are there in the order of their sends. While
 * nothing gets through it backs off.
 */
import type { Rule } from "./rule.ts";

/** What SQS answers that no second attempt would change. */
const refusals = ["AccessDenied", "QueueDoesNotExist", "ExpiredToken"];
/** How long a send is tried, nearly. */
const givesUpAfterMs = 50_000;
/** While nothing gets through, how many requests there may be in so long for each message that was to be sent in it: a backoff is twice the one before. */
const outageMs = 10_000;
const requestsInOutage = 20;

export function producerRule(): Rule {
  /** When each send was called that is not settled yet, by job. */
  const calledMs = new Map<number, number>();
  let refusedMs = -Infinity;
  /** When requests were made since one failed and none has gone well; undefined: the last one went well. */
  let failingMs: number[] | undefined;
  /** When sends were settled in that time, one way or the other. */
  let settledMs: number[] = [];
  /** Jobs in the order of their sends. */
  const turns = new Map<number, number>();
  const givenUp = new Set<number>();
  /** FIFO: the turn of the last message of each group. */
  const lastTurns = new Map<string, number>();
  const seen = new Set<string>();
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "sendCalled") {
        turns.set(entry.job, turns.size);
        calledMs.set(entry.job, entry.atMs);
      } else if (entry.type === "sendFailed") {
        givenUp.add(entry.job);
        const sinceMs = calledMs.get(entry.job) ?? -Infinity;
        calledMs.delete(entry.job);
        settledMs.push(entry.atMs);
        if (entry.atMs - sinceMs >= givesUpAfterMs || refusedMs >= sinceMs) return;
        const text = `job ${entry.job} was given up after ${entry.atMs - sinceMs} ms: ${entry.error}`;
        report("the producer keeps its word", text);
      } else if (entry.type === "answered") {
        if (ledger.calls.get(entry.call)?.request.who !== "producer") return;
        if (refusals.includes(entry.error ?? "") || entry.entries.includes("refused")) {
          refusedMs = entry.atMs;
        }
        failingMs = entry.error === undefined ? undefined : (failingMs ?? []);
      } else if (entry.type === "request" && entry.who === "producer" && failingMs !== undefined) {
        failingMs = failingMs.filter((atMs) => atMs > entry.atMs - outageMs);
        failingMs.push(entry.atMs);
        settledMs = settledMs.filter((atMs) => atMs > entry.atMs - outageMs);
        if (failingMs.length <= requestsInOutage * (settledMs.length + calledMs.size)) return;
        const text = `the producer made ${failingMs.length} requests in ${outageMs} ms, and each failed`;
        report("calm", text);
        failingMs = [];
      } else if (entry.type === "sendResolved") {
        calledMs.delete(entry.job);
        settledMs.push(entry.atMs);
        if (ledger.messages.has(entry.messageId)) return;
        report("the producer keeps its word", `job ${entry.job} was sent, and SQS never had it`);
      } else if (entry.type === "applied") {
        for (const { job, messageId, group, sequence, copyOf } of entry.takenIn) {
          if (copyOf !== undefined || group === undefined || sequence === undefined) continue;
          // A send that was given up may have been under way for long.
          if (seen.has(messageId) || givenUp.has(job)) continue;
          seen.add(messageId);
          const turn = turns.get(job) ?? -1;
          if (turn < (lastTurns.get(group) ?? -1)) {
            report(
              "the producer keeps its word",
              `job ${job} of group ${group} is behind a later one`,
            );
          }
          lastTurns.set(group, Math.max(turn, lastTurns.get(group) ?? -1));
        }
      }
    },
  };
}
