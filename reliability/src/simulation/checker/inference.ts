/**
 * Owns what can be told of one record by what the log says of it: how much a consumer may hold, what a request was
 * meant as. It never judges, and follows nothing.
 */
import type { AboutDelivery, ConsumerFacts } from "../log.ts";
import type { Delivery, EntryOf } from "./records.ts";

/** How long a handler may go on after its signal aborted, before it is left behind. */
export const handlerGraceMs = 5_000;

/** Longer than settlements wait for others. */
const lingerMs = 50;

/** How many deliveries a consumer may have in hand. */
export function capacity({ concurrency, prefetch, batches }: ConsumerFacts): number {
  return concurrency * (batches?.maxSize ?? 1) + prefetch;
}

/** Whether one before it in its lane may have come to nothing in a way that no handler's end shows. */
function isBehindTrouble({ lane, arrival, consumer }: Delivery): boolean {
  for (const other of consumer?.hand ?? []) {
    if (other.lane !== lane || other.arrival >= arrival) continue;
    if (isToBeCopied(other) || other.touched || other.run?.abortedMs !== undefined) return true;
    // Its retry may be as long as a lease.
    if (other.run?.end !== undefined && other.run.end.how !== "resolved") return true;
  }
  return false;
}

/**
 * Whether a worker of this consumer may take its time over a body before its handler starts: what it holds then
 * counts as taken, though the log does not show it.
 */
export function isReadByWorkers({ slowBodies, lanes, batches }: ConsumerFacts): boolean {
  return slowBodies && lanes !== "key" && batches === undefined;
}

/** Before it is deleted its copy is sent, by calls that are not about it. */
export function isToBeCopied({ sound, run }: Delivery): boolean {
  return !sound || (run?.end?.how === "returned" && run.end.outcome === "deadLetter");
}

/**
 * A change before the handler has ended is an extension, unless it gives the delivery back at once. Where no
 * handler gets to see the message, nobody can tell which it is: its body may not fit, or one before it in its
 * lane may have come to nothing, so that it goes back with the same delay.
 */
export function settlement(
  { operation, atMs }: EntryOf<"request">,
  about: AboutDelivery | undefined,
  delivery: Delivery,
): "yes" | "no" | "maybe" {
  const { run, sound, barredBy, lane, consumer } = delivery;
  if (operation === "DeleteMessageBatch" || about?.seconds === 0) return "yes";
  if (!sound) return "maybe";
  if (run === undefined && consumer !== undefined && consumer.facts.slowBodies) return "maybe";
  if (run !== undefined) {
    if (run.endedMs !== undefined) return "yes";
    return atMs >= (run.abortedMs ?? Infinity) + handlerGraceMs ? "maybe" : "no";
  }
  if (consumer?.facts.lanes !== "key" || lane === undefined) return "no";
  if (barredBy !== undefined || about?.seconds !== consumer.facts.visibilitySeconds) return "yes";
  // What goes back with others of its lane may follow them in the next request.
  const sinceMs = atMs - (consumer.wentBackMs.get(lane) ?? -Infinity);
  return sinceMs <= lingerMs || isBehindTrouble(delivery) ? "maybe" : "no";
}
