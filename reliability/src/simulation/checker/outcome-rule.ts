/**
 * Outcomes are carried out: what a handler's end asks for is what SQS is told, once; an extension and a
 * settlement of one delivery never race, and nothing is said of it once it is settled or lost.
 */
import type { Call, Delivery, Run } from "./records.ts";
import type { AboutDelivery } from "../log.ts";
import type { Report, Rule } from "./rule.ts";

/** How long a handler may go on after its signal aborted, before it is left behind. */
const handlerGraceMs = 5_000;

export function outcomeRule(): Rule {
  const settled = new Set<Delivery>();
  const checkEntry = (
    call: Call,
    about: AboutDelivery,
    delivery: Delivery,
    report: Report,
  ): void => {
    const number = about.delivery;
    const { operation, atMs } = call.request;
    const complain = (text: string): void => report("outcomes are carried out", text);
    const what = `${operation} of delivery ${number}`;
    if (settled.has(delivery)) complain(`${what}, which is settled`);
    if (delivery.open.size > 1) complain(`${what} while another request about it is under way`);
    const { run, late, sound, consumer } = delivery;
    // One that is taken all the same may be retried for its body.
    if (run === undefined && late && sound && consumer?.facts.lanes === "none") {
      const { seconds = 0 } = about;
      // What comes soon after its poll was given up is taken, and extended.
      if (seconds !== 0 && seconds !== consumer.facts.visibilitySeconds) {
        complain(`${what} to ${seconds} s: it came late and was to be released`);
      }
    }
    if (run !== undefined && run.batch === undefined && isInterrupted(run)) {
      if (about.seconds !== 0) complain(`${what} to ${about.seconds} s: stop() interrupted it`);
    }
    if (run?.abortCode === "LEASE_LOST" && (run.abortedMs ?? 0) < atMs) {
      complain(`${what}, whose lease is lost`);
    }
    if (run?.end === undefined || (run.abortedMs !== undefined && run.end.how !== "resolved"))
      return;
    // One before it of its lane may have been lost in the same batch.
    if (run.abortedMs !== undefined && run.batch !== undefined) return;
    // Left behind: it was settled otherwise before it ended.
    if ((run.endedMs ?? 0) - (run.abortedMs ?? Infinity) >= handlerGraceMs) return;
    const changes = operation === "ChangeMessageVisibilityBatch";
    const { end } = run;
    if (end.how === "resolved") {
      if (changes) complain(`${what} after its handler resolved`);
    } else if (!changes) return;
    else if (end.how === "returned" && end.outcome === "release") {
      if (about.seconds !== 0) complain(`${what} to ${about.seconds} s: it was to be released`);
    } else if (end.how === "returned" && end.outcome === "retry" && end.seconds !== undefined) {
      if (about.seconds !== end.seconds) {
        complain(`${what} to ${about.seconds} s: it was to be retried after ${end.seconds} s`);
      }
    }
  };
  return {
    see: (entry, ledger, report) => {
      const call =
        entry.type === "request" || entry.type === "answered"
          ? ledger.calls.get(entry.call)
          : undefined;
      if (call === undefined) return;
      for (const [index, delivery] of call.deliveries.entries()) {
        const about = call.request.about[index];
        if (about === undefined) continue;
        if (entry.type === "request") checkEntry(call, about, delivery, report);
        // What is answered after the caller gave up, it never learned.
        else if (entry.type === "answered" && !entry.late && entry.entries[index] === "done") {
          if (call.settles[index] === "yes") settled.add(delivery);
        }
      }
    },
  };
}

/** Whether a handler ended with the very reason with which a stop had aborted its signal. */
function isInterrupted({ abortCode, abortedMs, end, endedMs }: Run): boolean {
  if (abortCode !== "CONSUMER_STOPPED" || end?.how !== "threw" || end.told !== true) return false;
  return (endedMs ?? 0) - (abortedMs ?? 0) < handlerGraceMs;
}
