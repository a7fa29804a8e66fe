/**
 * Owns the faults that are planted in polling and permits, in pauses after errors, in health. It never plants one.
 */
import type { Mutation } from "../mutation.ts";

export const polling: readonly Mutation[] = [
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
    find: "else\n                permits.give(wanted);",
    replace: "else {}",
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

  // ── Calm ──
  {
    name: "polls on at once after a failure",
    file: "consumer/rest.js",
    find: "this.#atLeast(errorBackoff, this.#failures - 1);",
    replace: "this.#atLeast({ baseMs: 0, maxMs: 0 }, 0);",
  },
  {
    name: "repeats settlements at once",
    file: "consumer/settler.js",
    find: "const delayMs = fullJitterMs(backoff, Math.min(...attempts), random);",
    replace: "const delayMs = 0;",
  },
  {
    name: "polls on at once after an empty answer",
    file: "consumer/rest.js",
    find: "this.#atLeast(emptyBackoff, this.#hastyAnswers++);",
    replace: "this.#atLeast({ baseMs: 0, maxMs: 0 }, 0);",
  },

  // ── What a poll, a limit, health and a start owe ──
  {
    name: "opens no poll while other workers are busy",
    file: "consumer/receiver.js",
    find: "const starving = count > 0 && this.#openPolls === 0 && hungry();",
    replace: "const starving = false;",
  },
  {
    name: "ignores its limits",
    file: "consumer/receiver.js",
    find: "Math.min(allowed, next.wanted, permits.free +",
    replace: "Math.min(next.wanted, permits.free +",
  },
  {
    name: "grants each open poll all that its limits allow",
    file: "consumer/receiver.js",
    find: "return allowed - this.#requested;",
    replace: "return allowed;",
  },
  {
    name: "asks no limits before its first poll",
    file: "consumer/receiver.js",
    find: "Math.min(this.#fullPoll, await this.#track(this.#ask()))",
    replace: "this.#fullPoll",
  },
  {
    name: "makes no longer a pause after each failure",
    file: "consumer/rest.js",
    find: "this.#atLeast(errorBackoff, this.#failures - 1);",
    replace: "this.#atLeast(errorBackoff, 0);",
  },
  {
    name: "polls for a second only",
    file: "consumer/receiver.js",
    find: "void this.#track(this.#poll(next, this.#parts.waitTimeSeconds));",
    replace: "void this.#track(this.#poll(next, Math.min(1, this.#parts.waitTimeSeconds)));",
  },
  {
    name: "keeps two polls open when it is quiet",
    file: "consumer/poll-level.js",
    find: "Math.max(level, 1)",
    replace: "Math.max(level, 2)",
  },
  {
    name: "waits for a black-holed poll",
    file: "consumer/poll.js",
    find: "timeoutMs: waitSeconds * 1_000 + pollSlackMs",
    replace: "timeoutMs: 1_000_000_000",
  },
  {
    name: "is healthy whatever fails",
    file: "consumer/health.js",
    find: "this.#troubles[source] = {",
    replace: "void {",
  },
  {
    name: "starts though its first poll was denied",
    file: "consumer/receiver.js",
    find: "if (failure !== undefined && needsSomeone(failure))\n                throw failure;",
    replace: "",
    queues: ["ordered", "fifo"],
  },
  {
    name: "leaves an aborted poll's messages stranded at a stop",
    file: "consumer/receiver.js",
    find: "await this.#lost.takeBack();",
    replace: "",
    queues: ["fifo"],
  },
  {
    name: "releases late answers after a while only",
    file: "consumer/receiver.js",
    find: 'delivery.settle(giveBack("its poll had been given up"));',
    replace: 'delivery.settle(giveBack("its poll had been given up", 10));',
    queues: ["standard", "ordered"],
  },
  {
    name: "starts again before the stop has ended",
    file: "consumer/consumer.js",
    find: "Promise.resolve(previous).then",
    replace: "Promise.resolve().then",
  },
];
