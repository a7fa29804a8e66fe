/**
 * Owns what a worker tells of its decisions, and of its troubles. It never touches either.
 */
import type { Consumer, Message } from "millrace";
import { formatDuration } from "programs";
import type { Journal } from "programs";
import type { ReservationMessage } from "./reservation.ts";

/** Tells under the worker's name. */
export class DecisionNews {
  readonly #journal: Journal;
  readonly #name: string;
  /** Those that were found to be decided before: nothing is decided about them now. Written by onDuplicate. */
  readonly #duplicates = new WeakSet<Message<unknown>>();

  constructor(journal: Journal, name: string) {
    this.#journal = journal;
    this.#name = name;
  }

  /** The option of the consumer. */
  readonly onDuplicate = (message: Message<ReservationMessage>): void => {
    this.#duplicates.add(message);
    const what = `${named(message)} came again, and was decided before`;
    this.#journal.add({ who: this.#name, what, tone: "quiet", kind: `${this.#name} duplicates` });
  };

  /** Tells what `consumer` does from now on. */
  begin(consumer: Consumer<ReservationMessage>): void {
    consumer
      .on("acknowledged", ({ message, handlerMs }) => {
        if (this.#duplicates.has(message)) return;
        const what = `decided about ${named(message)} in ${formatDuration(handlerMs)}`;
        this.#journal.add({
          who: this.#name,
          what,
          tone: "good",
          kind: `${this.#name} decided`,
        });
      })
      .on("retried", ({ message, afterSeconds, reason = "" }) =>
        this.#trouble(`${named(message)} comes again in ${afterSeconds} s: ${reason}`, "retried"),
      )
      .on("deadLettered", ({ message, reason = "" }) =>
        this.#trouble(`${named(message)} is given up: ${reason}`, "given up"),
      )
      .on("leaseLost", ({ message, error }) =>
        this.#trouble(`${named(message)}: ${error.message}`, "leases lost"),
      )
      .on("stateChanged", ({ to, reason = "" }) => {
        if (to === "failing" || to === "degraded") {
          this.#trouble(`${to}: ${reason}`, `turned ${to}`);
        }
      });
  }

  #trouble(what: string, kind: string): void {
    this.#journal.add({
      who: this.#name,
      what,
      tone: "warning",
      kind: `${this.#name} ${kind}`,
      notable: true,
    });
  }
}

/** The seat; of a message that is none of ours, its body is not told. */
function named({ body }: Message<unknown>): string {
  if (typeof body !== "object" || body === null || !("seat" in body)) return "a message";
  return typeof body.seat === "string" ? body.seat : "a message";
}
