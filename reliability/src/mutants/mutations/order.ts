/**
 * Owns the faults that are planted in lanes and batches. It never plants one.
 */
import type { Mutation } from "../mutation.ts";

export const order: readonly Mutation[] = [
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
    find: "this.#giveBackBehind(delivery, place, outcome.afterSeconds ?? 0);",
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
    find: "return attemptId !== undefined && !(error instanceof SqsError && !error.mayBeApplied);",
    replace: "return attemptId !== undefined;",
    queues: ["fifo"],
  },

  // ── Batches ──
  {
    name: "counts no outcomes of a batch",
    file: "consumer/batch-outcomes.js",
    find: "if (length !== count)",
    replace: "if (false)",
  },
  {
    name: "acknowledges what stands behind a failure in its batch",
    file: "consumer/batch-worker.js",
    find: "const outcome = lanes?.brokenBefore(delivery) ?? verdict.outcome;",
    replace: "const { outcome } = verdict;",
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

  // ── Lanes, when something was lost or not read yet ──
  {
    name: "gives the rest of a key back before the one that failed",
    file: "consumer/lane-keeper.js",
    find: "giveBack(reason, afterSeconds)",
    replace: "giveBack(reason)",
    queues: ["ordered"],
  },
  {
    name: "gives other groups of a key back before the one that failed",
    file: "consumer/lane-keeper.js",
    find: "this.#parts.fifo && message.groupId === groupId ? held",
    replace: "this.#parts.fifo ? held",
    queues: ["orderedFifo"],
  },
  {
    name: "keeps a lane closed whose turn was lost before it began",
    file: "consumer/lane-keeper.js",
    find: 'if (from !== "running")',
    replace: 'if (from === "settling")',
    queues: ["ordered", "fifo"],
  },
  {
    name: "opens a lane while the handler that lost its message runs on",
    file: "consumer/lane-keeper.js",
    find: 'if (from !== "running")',
    replace: "if (true)",
    queues: ["ordered", "fifo"],
  },
  {
    name: "lets what is not read yet overtake one that failed",
    file: "consumer/intake.js",
    find: "if (this.#reading)\n            this.#broken.break",
    replace: "if (false)\n            this.#broken.break",
    queues: ["ordered", "fifo"],
  },
  {
    name: "starts a handler for a message that was lost while its body was read",
    file: "consumer/worker.js",
    find: "if (delivery.abortReason !== undefined)\n            throw delivery.abortReason;",
    replace: "",
    queues: ["standard", "fifo"],
  },
];
