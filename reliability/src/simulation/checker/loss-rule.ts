/**
 * Promise 1: nothing is lost. A message is deleted only after its handler resolved, or after its copy is
 * safe in the dead-letter queue; in the end each one was handled, or lies there.
 */
import type { Entry } from "../log.ts";
import { movedToDeadLetters } from "./dead-letters.ts";
import type { Rule } from "./rule.ts";

export function lossRule(entries: readonly Entry[]): Rule {
  const moved = movedToDeadLetters(entries);
  return {
    see: (entry, ledger, report) => {
      if (entry.type === "request" && entry.operation === "DeleteMessageBatch") {
        for (const { delivery: number } of entry.about) {
          const delivery = ledger.deliveries.get(number);
          const resolved = delivery?.run?.end?.how === "resolved";
          if (!resolved && delivery?.copied !== true) {
            const text = `delivery ${number} is deleted, and its handler has not resolved`;
            report("deleted only when done", text);
          }
        }
      } else if (entry.type === "applied") {
        for (const { copyOf } of entry.takenIn) {
          const delivery = copyOf === undefined ? undefined : ledger.deliveries.get(copyOf);
          if (delivery === undefined || !delivery.sound) continue;
          const end = delivery.run?.end;
          if (end?.how === "returned" && end.outcome === "deadLetter") continue;
          report("outcomes are carried out", `delivery ${copyOf} was dead-lettered for no reason`);
        }
      } else if (entry.type === "ended") {
        const { visible, inFlight, delayed } = entry;
        const left = visible + inFlight + delayed;
        for (const { id, job, resolved, copied, deleted } of ledger.messages.values()) {
          // One that was not deleted may be among those that are left.
          if (resolved || copied || moved.has(id) || (!deleted && left > 0)) continue;
          report("nothing is lost", `message ${id} of job ${job} was never handled`);
        }
        if (left > 0) {
          const text = `the queue holds ${visible} visible, ${inFlight} in flight, ${delayed} delayed`;
          report("drains", text);
        }
      }
    },
  };
}
