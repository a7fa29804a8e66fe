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
        for (const { id, job, resolved, copied } of ledger.messages.values()) {
          if (resolved || copied || moved.has(id)) continue;
          report("nothing is lost", `message ${id} of job ${job} was never handled`);
        }
        const { visible, inFlight, delayed } = entry;
        if (visible + inFlight + delayed > 0) {
          const text = `the queue holds ${visible} visible, ${inFlight} in flight, ${delayed} delayed`;
          report("drains", text);
        }
      }
    },
  };
}
