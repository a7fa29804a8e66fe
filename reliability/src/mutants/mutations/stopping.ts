/**
 * Owns the faults that are planted in stops and pauses. It never plants one.
 */
import type { Mutation } from "../mutation.ts";

export const stopping: readonly Mutation[] = [
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
