/**
 * Owns the list of faults that are planted in the consumer to see whether the checker finds them. It never
 * plants one.
 */
import type { QueueKind } from "../simulation/scenario.ts";

/** A fault: one piece of the built library, and what stands there instead. */
export interface Mutation {
  readonly name: string;
  /** Below packages/millrace/dist/. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Where it shows; undefined: on all kinds of queue. */
  readonly queues?: readonly [QueueKind, ...QueueKind[]];
}

export const mutations: readonly Mutation[] = [
  // ── Nothing is lost ──
  {
    name: "deletes before the handler has run",
    file: "consumer/worker.js",
    find: "const end = await callHandler(",
    replace: 'const end = { how: "returned" };\n        void callHandler(',
  },
  {
    name: "acknowledges when the handler throws",
    file: "consumer/judge.js",
    find: "return { outcome: retry({ afterSeconds, reason: error.message }), error };",
    replace: "return { outcome: acknowledge, error };",
  },
  {
    name: "deletes before the dead-letter copy is safe",
    file: "consumer/settler.js",
    find: "await deadLetterQueue.send(delivery, reason, this.#bounds([delivery]));",
    replace: "deadLetterQueue.send(delivery, reason, this.#bounds([delivery])).catch(() => {});",
  },
  {
    name: "makes no dead-letter copy",
    file: "consumer/settler.js",
    find: "else if (this.#copied.has(delivery))",
    replace: "else if (this.#copied.add(delivery))",
  },

  // ── Bounded, no barrier ──
  {
    name: "forgets the permit of a lost delivery",
    file: "consumer/pipeline.js",
    find: "this.#permits.give(1);",
    replace: 'if (delivery.state !== "lost") this.#permits.give(1);',
  },
  {
    name: "forgets the permits of a poll that failed",
    file: "consumer/receiver.js",
    find: "this.#requested -= wanted;\n                permits.give(wanted);",
    replace: "this.#requested -= wanted;",
    queues: ["standard", "ordered"],
  },
  {
    name: "gives a permit twice",
    file: "consumer/pipeline.js",
    find: "this.#permits.give(1);",
    replace:
      "this.#permits.give(1);\n            if (this.#permits.free < this.#permits.total) this.#permits.give(1);",
  },
  {
    name: "runs one worker too many",
    file: "consumer/pipeline.js",
    find: "Array.from({ length: settings.concurrency }",
    replace: "Array.from({ length: settings.concurrency + 1 }",
  },
  {
    name: "lets the last worker sleep",
    file: "consumer/pipeline.js",
    find: "Array.from({ length: settings.concurrency }",
    replace: "Array.from({ length: Math.max(1, settings.concurrency - 1) }",
  },

  // ── Leases ──
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
    find: "this.#parts.lose(delivery, leaseExpired(delivery));",
    replace: "void leaseExpired;",
  },
  {
    name: "extends too late",
    file: "consumer/lease-keeper.js",
    find: "const extendAtShare = 0.5;",
    replace: "const extendAtShare = 0;",
  },

  // ── Settling ──
  {
    name: "ignores an entry that failed",
    file: "consumer/settler.js",
    find: "failed.push({ delivery, error: result.error });",
    replace: "this.#parts.observer.confirmed(delivery);",
  },
  {
    name: "settles while an extension is under way",
    file: "consumer/settler.js",
    find: "delivery.whenNoRequest(() => this.#begin(delivery));",
    replace: "this.#begin(delivery);",
  },
  {
    name: "settles what is lost",
    file: "consumer/delivery.js",
    find: 'this.#move("lost");',
    replace:
      'if (this.#state === "running") return this.abort(error);\n        this.#move("lost");',
  },
  {
    name: "makes a failed message visible at once",
    file: "consumer/settler.js",
    find: "return toVisibilitySeconds(outcome.afterSeconds ?? 0, (leaseLimitMs - nowMs) / 1_000);",
    replace: "return 0;",
  },
  {
    name: "breaks on what is thrown and no error",
    file: "consumer/judge.js",
    find: 'const error = toError(end.how === "threw" ? end.thrown : abortReason);',
    replace: 'const error = end.how === "threw" ? end.thrown : abortReason;',
  },
  {
    name: "has no handler timeout",
    file: "consumer/worker.js",
    find: "clock, handlerTimeoutMs);",
    replace: "clock, undefined);",
  },

  // ── Order ──
  {
    name: "ignores lanes",
    file: "consumer/pipeline.js",
    find: "if (this.#lanes === undefined)",
    replace: "if (true)",
    queues: ["ordered", "fifo"],
  },
  {
    name: "handles the rest of a failed lane",
    file: "consumer/lane-keeper.js",
    find: "this.#giveBackBehind(place, outcome.afterSeconds ?? 0);",
    replace: "",
    queues: ["ordered", "fifo"],
  },
  {
    name: "starts the next of a group before the delete is confirmed",
    file: "consumer/lane-keeper.js",
    find: "if (!this.#parts.fifo)",
    replace: "if (true)",
    queues: ["fifo"],
  },
  {
    name: "takes a new attempt id for a poll that was lost",
    file: "consumer/receiver.js",
    find: "const opened = isRemembered(poll, startedAtMs)",
    replace: "const opened = false",
    queues: ["fifo"],
  },
  {
    name: "keeps the attempt id of a poll that was refused",
    file: "consumer/poll.js",
    find: 'return attemptId !== undefined && !(error instanceof SqsError && error.category !== "transient");',
    replace: "return attemptId !== undefined;",
    queues: ["fifo"],
  },

  // ── Batches ──
  {
    name: "counts no outcomes of a batch",
    file: "consumer/batch-worker.js",
    find: "if (values.length !== count) {",
    replace: "if (false) {",
  },
  {
    name: "acknowledges what stands behind a failure in its batch",
    file: "consumer/batch-worker.js",
    find: "delivery.settle(lanes?.brokenBefore(delivery) ?? verdict.outcome, handlerMs);",
    replace: "delivery.settle(verdict.outcome, handlerMs);",
    queues: ["ordered", "fifo"],
  },
  {
    name: "gathers a lane from its end",
    file: "consumer/gatherer.js",
    find: "batch.push(next);",
    replace: "batch.unshift(next);",
    queues: ["ordered", "fifo"],
  },
  {
    name: "gathers past a message whose body was refused",
    file: "consumer/gatherer.js",
    find: "const isGood = (each) => !isRefused(each);",
    replace: "const isGood = () => true;",
    queues: ["fifo"],
  },
  {
    name: "gathers more than a batch may hold",
    file: "consumer/gatherer.js",
    find: "while (batch.length < maxSize) {",
    replace: "while (batch.length <= maxSize) {",
  },
  {
    name: "waits until a batch is full",
    file: "consumer/gatherer.js",
    find: "clock.setTimer(() => over.abort(), maxWaitMs);",
    replace: "clock.setTimer(() => {}, maxWaitMs);",
  },
  {
    name: "tells a batch nothing of a lease that is lost",
    file: "consumer/batch.js",
    find: "if (abortReason !== undefined)",
    replace: 'if (abortReason !== undefined && abortReason.code !== "LEASE_LOST")',
  },

  // ── Calm ──
  {
    name: "polls on at once after a failure",
    file: "consumer/receiver.js",
    find: "this.#rest.atLeast(fullJitterMs(errorBackoff, this.#failures - 1, random));",
    replace: "this.#rest.atLeast(0);",
  },
  {
    name: "repeats settlements at once",
    file: "consumer/settler.js",
    find: "const delayMs = fullJitterMs(backoff, Math.min(...attempts), random);",
    replace: "const delayMs = 0;",
  },
  {
    name: "polls on at once after an empty answer",
    file: "consumer/receiver.js",
    find: "this.#rest.atLeast(fullJitterMs(emptyBackoff, this.#hastyAnswers++, this.#parts.random));",
    replace: "this.#rest.atLeast(0);",
  },

  // ── Stopping and pausing ──
  {
    name: "polls on after stop",
    file: "consumer/receiver.js",
    find: "this.#stop.abort(new ConsumerStoppedError());",
    replace: "",
  },
  {
    name: "releases nothing at stop",
    file: "consumer/shutdown.js",
    find: 'if (delivery.state === "received" || delivery.state === "waiting") {',
    replace: "if (false) {",
  },
  {
    name: "stops without flushing",
    file: "consumer/shutdown.js",
    find: "await endsWithin(clock, inHand.whenNoneSettling(), settleWithinMs);",
    replace: "",
  },
  {
    name: "does not wait for handlers at stop",
    file: "consumer/shutdown.js",
    find: "if (!(await endsWithin(clock, working, deadlineMs))) {",
    replace: "if (false) {",
  },
  {
    name: "drops late answers",
    file: "consumer/receiver.js",
    find: "#late(messages, askedAtMs) {",
    replace: "#late(messages, askedAtMs) {\n        return;",
    queues: ["standard", "ordered"],
  },
  {
    name: "ignores a pause",
    file: "consumer/receiver.js",
    find: "if (!this.#started || this.#paused || this.#rest.resting)",
    replace: "if (!this.#started || this.#rest.resting)",
  },
];
