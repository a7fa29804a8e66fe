/**
 * Promise 6, as far as it holds under faults as well: what is due at one moment goes out in batches, a poll waits
 * for as long as it was told to, and an extension asks for no more than the visibility timeout. And nothing is
 * asked that SQS refuses without a fault.
 */
import type { Ledger } from "./ledger.ts";
import type { Consumer } from "./records.ts";
import type { Entry } from "../log.ts";
import type { Report, Rule } from "./rule.ts";

const maxEntries = 10;
/** An extension goes out when half of the timeout is left; those that are due soon go with it, and clocks differ. */
const earliestShare = 0.65;
/** So close to the end of a lease nobody waits for company. */
const hurriedMs = 100;

/** Requests of one kind that a consumer made in the same millisecond, with nothing arriving between them. */
interface Moment {
  readonly atMs: number;
  requests: number;
  entries: number;
}

export function requestRule(): Rule {
  const moments = new Map<Consumer, Map<string, Moment>>();

  const checkBatch = (call: number, consumer: Consumer, ledger: Ledger, report: Report): void => {
    const { request, deliveries, settles } = ledger.calls.get(call) ?? {};
    if (request === undefined || deliveries === undefined || deliveries.length === 0) return;
    const areExtensions = settles?.every((each) => each === "no") ?? false;
    if (areExtensions) {
      const { visibilitySeconds } = consumer.facts;
      for (const { delivery, seconds = 0 } of request.about) {
        if (seconds > visibilitySeconds) {
          report(
            "frugal",
            `delivery ${delivery} is extended by ${seconds} s: more than its timeout`,
          );
        }
        const leftMs = (ledger.deliveries.get(delivery)?.heldUntilMs ?? 0) - request.atMs;
        if (leftMs > visibilitySeconds * 1_000 * earliestShare) {
          report(
            "frugal",
            `delivery ${delivery} is extended, and ${leftMs} ms of its lease are left`,
          );
        }
      }
    }
    const hurried = deliveries.some(({ heldUntilMs }) => heldUntilMs - request.atMs <= hurriedMs);
    if (consumer.phase !== "running" || hurried || request.atMs <= consumer.blockedUntilMs) return;
    const kind = `${request.operation}${areExtensions ? " (extensions)" : ""}`;
    const ofConsumer = moments.get(consumer) ?? new Map<string, Moment>();
    moments.set(consumer, ofConsumer);
    let moment = ofConsumer.get(kind);
    if (moment?.atMs !== request.atMs) moment = { atMs: request.atMs, requests: 0, entries: 0 };
    ofConsumer.set(kind, moment);
    moment.requests += 1;
    moment.entries += deliveries.length;
    // One more than would do: what was tried before goes with its like, and what has waited long enough alone.
    if (moment.requests <= Math.ceil(moment.entries / maxEntries) + 1) return;
    const text = `consumer ${consumer.number} ${kind}: ${moment.requests} requests at once for ${moment.entries} entries`;
    report("frugal", text);
  };

  return {
    see: (entry, ledger, report) => {
      if (entry.type === "answered") {
        const request = ledger.calls.get(entry.call)?.request;
        // What was all in hand before it has gone at once, not knowing what would come.
        if (entry.brought.length > 0 && request !== undefined && request.who !== "producer")
          moments.delete(ledger.consumer(request.who));
        if (entry.error === undefined || request === undefined || request.fault !== undefined)
          return;
        report("contained", `SQS refused ${request.operation} without a fault: ${entry.error}`);
      } else if (entry.type === "request" && entry.who !== "producer") {
        const consumer = ledger.consumer(entry.who);
        if (entry.operation === "ReceiveMessage") checkPoll(consumer, entry, report);
        else checkBatch(entry.call, consumer, ledger, report);
      }
    },
  };
}

function checkPoll(
  consumer: Consumer,
  { waitSeconds, attempt }: Extract<Entry, { type: "request" }>,
  report: Report,
): void {
  // The first one of a start does not wait, nor do those that take back what was stranded at a stop.
  if (waitSeconds === consumer.facts.waitSeconds || waitSeconds === 0) return;
  report("frugal", `consumer ${consumer.number} polls for ${waitSeconds} s (${attempt ?? ""})`);
}
