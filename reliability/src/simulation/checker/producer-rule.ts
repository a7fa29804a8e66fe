/**
 * The producer keeps its word: a send that resolved is in the queue, and on a FIFO queue the messages of a
 * group are there in the order of their sends.
 */
import type { Rule } from "./rule.ts";

export function producerRule(): Rule {
  /** Jobs in the order of their sends. */
  const turns = new Map<number, number>();
  const givenUp = new Set<number>();
  /** FIFO: the turn of the last message of each group. */
  const lastTurns = new Map<string, number>();
  const seen = new Set<string>();
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "sendCalled") turns.set(entry.job, turns.size);
      else if (entry.type === "sendFailed") givenUp.add(entry.job);
      else if (entry.type === "sendResolved") {
        if (ledger.messages.has(entry.messageId)) return;
        report("the producer keeps its word", `job ${entry.job} was sent, and SQS never had it`);
      } else if (entry.type === "applied") {
        for (const { job, messageId, lane, sequence, copyOf } of entry.takenIn) {
          if (copyOf !== undefined || lane === undefined || sequence === undefined) continue;
          // A send that was given up may have been under way for long.
          if (seen.has(messageId) || givenUp.has(job)) continue;
          seen.add(messageId);
          const turn = turns.get(job) ?? -1;
          if (turn < (lastTurns.get(lane) ?? -1)) {
            report(
              "the producer keeps its word",
              `job ${job} of group ${lane} is behind a later one`,
            );
          }
          lastTurns.set(lane, Math.max(turn, lastTurns.get(lane) ?? -1));
        }
      }
    },
  };
}
