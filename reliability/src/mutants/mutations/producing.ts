/**
 * Owns the faults that are planted in the producer. It never plants one.
 */
import type { Mutation } from "../mutation.ts";

export const producing: readonly Mutation[] = [
  {
    name: "gives a send up at its first failure",
    file: "producer/outbox.js",
    find: "if (nextMs < send.deadlineMs)",
    replace: "if (false)",
  },
  {
    name: "resolves a send that failed",
    file: "producer/outbox.js",
    find: "send.reject(error);\n    }\n    #settled",
    replace: 'send.resolve({ messageId: "none" });\n    }\n    #settled',
  },
  {
    name: "repeats sends at once",
    file: "producer/outbox.js",
    find: "return fullJitterMs(this.#settings.backoff, attempts - 1, this.#settings.random);",
    replace: "return 0;",
  },
];
