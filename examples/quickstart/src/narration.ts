/**
 * Owns what is told of a sender and a consumer: what happens to them becomes entries of the journal. It never
 * touches what they do.
 */
import { systemClock } from "millrace";
import type { Clock, Consumer, Message, Timer } from "millrace";
import { formatBody, formatCount, formatDuration } from "programs";
import type { Journal } from "programs";

export interface NarrationOptions {
  readonly consumer: Consumer;
  readonly journal: Journal;
  readonly clock?: Clock | undefined;
}

/** Tells that SQS has the greetings from `first` to `last`. */
export function tellSent(journal: Journal, first: number, last: number): void {
  const what = first === last ? `sent hello world ${last}` : `sent hello world ${first} to ${last}`;
  journal.add({ who: "sender", what, kind: "sent", count: last - first + 1 });
}

/** How long nothing has to be in hand before the consumer is called idle. */
const idleAfterMs = 1_500;
/** An empty answer that came sooner is not worth telling: the first poll of all does not wait. */
const longPollMs = 1_000;

/** Tells what `consumer` does, from `begin` on. */
export class Narration implements Disposable {
  readonly #consumer: Consumer;
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** Set while nothing is in hand, until that is told. */
  #quiet: Timer | undefined;
  /** Whether idleness has been told, and nothing came since. */
  #idle = false;
  #closed = false;

  constructor(options: NarrationOptions) {
    this.#consumer = options.consumer;
    this.#journal = options.journal;
    this.#clock = options.clock ?? systemClock;
  }

  begin(): void {
    const journal = this.#journal;
    this.#consumer
      .on("received", ({ count, durationMs }) => this.#received(count, durationMs))
      .on("started", ({ message, worker }) =>
        journal.add({
          who: `worker ${worker}`,
          what: `started   ${named(message)}${again(message)}`,
          kind: "started",
        }),
      )
      .on("acknowledged", ({ message, worker, handlerMs }) => {
        const what = `finished  ${named(message)} in ${formatDuration(handlerMs)}`;
        journal.add({ who: `worker ${worker}`, what, tone: "good", kind: "finished" });
        this.#settled();
      })
      .on("retried", ({ message, afterSeconds, reason = "its handler asked for it" }) => {
        const when = `comes again in ${formatDuration(Math.ceil(afterSeconds) * 1_000)}`;
        this.#trouble("retry", `${named(message)} ${when}: ${formatBody(reason)}`, "retried");
      })
      .on("released", ({ message }) => {
        const what = `${named(message)} goes back to the queue`;
        journal.add({ who: "release", what, tone: "quiet", kind: "released" });
        this.#settled();
      })
      .on("deadLettered", ({ message, reason = "its handler asked for it" }) =>
        this.#trouble("dead", `${named(message)}: ${formatBody(reason)}`, "dead-lettered"),
      )
      .on("leaseLost", ({ message, error }) =>
        this.#trouble("lease", `${named(message)}: ${error.message}`, "leases lost"),
      )
      .on("settleFailed", ({ message, error }) =>
        this.#trouble("settle", `${named(message)}: ${error.message}`, "settlements failed"),
      )
      .on("pollFailed", ({ error, retryInMs }) =>
        this.#trouble(
          "receiver",
          `a poll failed: ${error.message}; the next in ${formatDuration(retryInMs)}`,
          "polls failed",
        ),
      )
      .on("stateChanged", ({ to, reason }) => {
        if (to !== "failing" && to !== "degraded") return;
        journal.add({
          who: "health",
          what: reason === undefined ? to : `${to}: ${reason}`,
          tone: to === "failing" ? "bad" : "warning",
          kind: `turned ${to}`,
          notable: true,
        });
      });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#quiet?.cancel();
  }

  #received(count: number, durationMs: number): void {
    if (count > 0) {
      this.#idle = false;
      this.#quiet?.cancel();
      this.#quiet = undefined;
      const what = `received ${formatCount(count, "message")}`;
      this.#journal.add({ who: "receiver", what, kind: "received", count });
      return;
    }
    if (durationMs >= longPollMs) {
      const what = `nothing for ${formatDuration(durationMs)}, polling again`;
      this.#journal.add({ who: "receiver", what, tone: "quiet", kind: "empty polls" });
    }
    this.#settled();
  }

  #trouble(who: string, what: string, kind: string): void {
    this.#journal.add({ who, what, tone: "warning", kind, notable: true });
    this.#settled();
  }

  /** With nothing in hand for a while, the consumer is idle. */
  #settled(): void {
    if (this.#closed || this.#idle || this.#quiet !== undefined) return;
    this.#quiet = this.#clock.setTimer(() => {
      this.#quiet = undefined;
      const { inHand, openPolls } = this.#consumer.stats();
      if (inHand > 0 || openPolls === 0) return; // Its end will set the timer anew.
      this.#idle = true;
      const what = "idle: the queue is empty, long-polling for 20 s at a time";
      this.#journal.add({ who: "receiver", what, tone: "quiet", kind: "idle" });
    }, idleAfterMs);
  }
}

function named(message: Message<unknown>): string {
  return formatBody(message.rawBody);
}

function again({ receiveCount }: Message<unknown>): string {
  return receiveCount === 1 ? "" : ` (receive ${receiveCount})`;
}
