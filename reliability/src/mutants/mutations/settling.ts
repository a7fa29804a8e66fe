/**
 * Owns the faults that are planted in settling: deletes, retries, dead letters, the gathering of entries. It never plants one.
 */
import type { Mutation } from "../mutation.ts";

export const settling: readonly Mutation[] = [
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
    find: 'const error = toError(end.how === "threw" ? end.thrown : end.reason);',
    replace: 'const error = end.how === "threw" ? end.thrown : end.reason;',
  },
  {
    name: "has no handler timeout",
    file: "consumer/pipeline.js",
    find: "timeoutMs: settings.handlerTimeoutMs,",
    replace: "timeoutMs: undefined,",
  },

  // ── What a settlement owes ──
  {
    name: "reads the first entry's answer for all",
    file: "consumer/lease-keeper.js",
    find: "const result = results[index];",
    replace: "const result = results[0];",
  },
  {
    name: "settles by the message's id",
    file: "consumer/settler.js",
    find: "gathering.deliveries.push(delivery);",
    replace:
      "if (gathering.deliveries.some((other) => other.message.id === delivery.message.id)) {\n            this.#parts.observer.confirmed(delivery);\n            return;\n        }\n        gathering.deliveries.push(delivery);",
    queues: ["standard"],
  },
  {
    name: "sends eleven entries",
    file: "consumer/settler.js",
    find: "gathering.deliveries.length >= maxBatchEntries",
    replace: "gathering.deliveries.length > maxBatchEntries",
  },
  {
    name: "deletes one delivery a request",
    file: "consumer/settler.js",
    find: "gathering.deliveries.length >= maxBatchEntries",
    replace: "gathering.deliveries.length >= 1",
  },
  {
    name: "lingers over a group's acknowledgement",
    file: "consumer/pipeline.js",
    find: "fifo: 0 }",
    replace: "fifo: 1_000 }",
    queues: ["fifo"],
  },
  {
    name: "lingers over acknowledgements for long",
    file: "consumer/pipeline.js",
    find: "standard: 12",
    replace: "standard: 3_000",
    queues: ["standard", "ordered"],
  },
  {
    name: "gives permits back before the settlement is confirmed",
    file: "consumer/pipeline.js",
    find: "if (left) {",
    replace:
      'if (delivery.state === "settling" || (delivery.state === "lost" && from !== "settling")) {',
  },
  {
    name: "takes an interruption by stop for a failure",
    file: "consumer/judge.js",
    find: "return { outcome: release(), error: undefined };",
    replace: "return this.#failed(delivery, toError(end.thrown));",
  },
  {
    name: "leaves what it abandoned and released out of stop's report",
    file: "consumer/shutdown.js",
    find: 'ended(["released"]),',
    replace: "0,",
  },
];
