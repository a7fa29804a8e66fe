/**
 * Owns what a worker tells of its decisions, and of its troubles. It never touches either.
 */
import type { Consumer, Message } from "millrace";
import { formatDuration } from "programs";
import type { Journal } from "programs";
import type { ReservationMessage } from "./reservation.ts";

/** Tells what `consumer` does from now on, under the worker's name. */
export function tellDecisions(
  consumer: Consumer<ReservationMessage>,
  journal: Journal,
  name: string,
): void {
  const trouble = (what: string, kind: string): void =>
    journal.add({ who: name, what, tone: "warning", kind: `${name} ${kind}`, notable: true });
  consumer
    .on("acknowledged", ({ message, handlerMs }) => {
      const what = `decided about ${named(message)} in ${formatDuration(handlerMs)}`;
      journal.add({ who: name, what, tone: "good", kind: `${name} decided` });
    })
    .on("retried", ({ message, afterSeconds, reason = "" }) =>
      trouble(`${named(message)} comes again in ${afterSeconds} s: ${reason}`, "retried"),
    )
    .on("deadLettered", ({ message, reason = "" }) =>
      trouble(`${named(message)} is given up: ${reason}`, "given up"),
    )
    .on("leaseLost", ({ message, error }) =>
      trouble(`${named(message)}: ${error.message}`, "leases lost"),
    )
    .on("stateChanged", ({ to, reason = "" }) => {
      if (to === "failing" || to === "degraded") trouble(`${to}: ${reason}`, `turned ${to}`);
    });
}

/** The seat; of a message that is none of ours, its body is not told. */
function named({ body }: Message<unknown>): string {
  if (typeof body !== "object" || body === null || !("seat" in body)) return "a message";
  return typeof body.seat === "string" ? body.seat : "a message";
}
