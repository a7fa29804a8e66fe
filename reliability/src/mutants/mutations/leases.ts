/**
 * Owns the faults that are planted in the keeping of leases. It never plants one.
 */
import type { Mutation } from "../mutation.ts";

export const leases: readonly Mutation[] = [
  {
    name: "does not extend deliveries that wait",
    file: "consumer/lease-keeper.js",
    find: 'return state === "received" || state === "waiting" || state === "running";',
    replace: 'return state === "running";',
  },
  {
    name: "extends deliveries that are settling",
    file: "consumer/lease-keeper.js",
    find: 'return state === "received" || state === "waiting" || state === "running";',
    replace: 'return state !== "settled" && state !== "lost";',
  },
  {
    name: "keeps leases by the message's id",
    file: "consumer/lease-keeper.js",
    find: "for (const delivery of this.#parts.inHand) {",
    replace:
      "for (const delivery of new Map([...this.#parts.inHand].map((one) => [one.message.id, one])).values()) {",
    queues: ["standard"],
  },
  {
    name: "counts a lease from the answer",
    file: "consumer/lease-keeper.js",
    find: "sentAtMs + seconds * 1_000",
    replace: "clock.monotonicMs() + seconds * 1_000",
  },
  {
    name: "counts a lease as extended whatever the answer is",
    file: "consumer/lease-keeper.js",
    find: "if (result.done) {",
    replace: "if (result) {",
  },
  {
    name: "tells nobody that a lease is lost",
    file: "consumer/lease-keeper.js",
    find: "this.#parts.lose(delivery, leaseExpired(delivery, cause));",
    replace: "void leaseExpired;",
  },
  {
    name: "extends too late",
    file: "consumer/lease-keeper.js",
    find: "const extendAtShare = 0.5;",
    replace: "const extendAtShare = 0;",
  },
  {
    name: "stops extending after five times",
    file: "consumer/lease-keeper.js",
    find: "due.push({ delivery, seconds });",
    replace:
      "if ((delivery.times = (delivery.times ?? 0) + 1) <= 5) due.push({ delivery, seconds });",
  },
  {
    name: "does not repeat an extension that failed",
    file: "consumer/lease-keeper.js",
    find: "this.#failed.set(delivery, { retryAtMs, error: result.error });",
    replace: "this.#failed.set(delivery, { retryAtMs: Infinity, error: result.error });",
  },
  {
    name: "tells nobody that an extension was refused",
    file: "consumer/lease-keeper.js",
    find: "isKept(delivery) && result.permanent",
    replace: "false",
  },
  {
    name: "extends one delivery a request",
    file: "consumer/lease-keeper.js",
    find: "from += maxBatchEntries) {\n            this.#track(this.#extend(due.slice(from, from + maxBatchEntries), now));",
    replace: "from += 1) {\n            this.#track(this.#extend(due.slice(from, from + 1), now));",
  },
  {
    name: "extends all the time",
    file: "consumer/lease-keeper.js",
    find: "const extendAtShare = 0.5;",
    replace: "const extendAtShare = 0.9;",
  },
];
