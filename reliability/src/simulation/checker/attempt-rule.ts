/**
 * On a FIFO queue a poll whose fate is unknown is opened again with its attempt id, so that nothing it was
 * handed stays behind; one that SQS refused or throttled is not, since its id is spent.
 */
import { Attempts } from "./attempts.ts";
import type { Rule } from "./rule.ts";

export function attemptRule(): Rule {
  const attempts = new Attempts();
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "aborted" || entry.type === "answered") {
        const call = ledger.calls.get(entry.call);
        if (call === undefined) return;
        const answered = entry.type === "answered";
        const error = answered ? entry.error : "aborted";
        attempts.ended(call, error, entry.atMs, answered && entry.late);
      } else if (entry.type === "stopCalled" || entry.type === "stopResolved") {
        attempts.forget(entry.consumer);
      } else if (
        entry.type === "request" &&
        entry.who !== "producer" &&
        entry.attempt !== undefined
      ) {
        const { phase, facts } = ledger.consumer(entry.who);
        const what = `consumer ${entry.who}`;
        if (attempts.isSpent(entry.who, entry.attempt)) {
          report("nothing is stranded", `${what} reuses the id of a poll that was refused`);
        }
        // A limit may have it ask for less, which is another poll.
        if (phase !== "running" || facts.limited) return;
        if (attempts.owes(entry.who, entry.attempt, entry.atMs)) {
          report(
            "nothing is stranded",
            `${what} opens another poll before the one whose answer was lost`,
          );
        }
      }
    },
  };
}
