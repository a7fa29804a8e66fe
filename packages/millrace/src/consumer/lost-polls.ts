/**
 * Owns the polls of a FIFO queue that ended without an answer, and the permits that they keep. It never opens one
 * again: while the consumer runs the receiver does, which asks here first.
 */
import { admitAll } from "./admission.ts";
import type { AdmissionParts } from "./admission.ts";
import type { Delivery } from "./delivery.ts";
import { giveBack, stopping } from "./outcome.ts";
import type { Permits } from "./permits.ts";
import { isRemembered, receive } from "./poll.ts";
import type { Poll, ReceiveParts } from "./poll.ts";
import type { Reporter } from "./reporter.ts";

export interface LostPollsParts extends ReceiveParts, AdmissionParts {
  readonly permits: Permits;
  readonly reporter: Reporter;
}

/**
 * Polls that may have brought messages which nobody has got. Each keeps its permits until it is opened again
 * under its attempt id, which brings those messages, or is given up.
 */
export class LostPolls {
  readonly #parts: LostPollsParts;
  /** Oldest first. Written by {@link add}, {@link forget} and {@link takeBack}. */
  readonly #polls: Poll[] = [];
  /** Messages that those ask for; written with the list. */
  #wanted = 0;

  constructor(parts: LostPollsParts) {
    this.#parts = parts;
  }

  /** The one to be opened first; undefined when there is none. */
  get first(): Poll | undefined {
    return this.#polls[0];
  }

  /** Messages that all of them ask for. */
  get wanted(): number {
    return this.#wanted;
  }

  /** How many permits a poll keeps here; 0 for one that is not lost. */
  permitsOf(poll: Poll): number {
    return this.#polls.includes(poll) ? poll.wanted : 0;
  }

  /** Takes over a poll that ended without an answer, and its permits. */
  add(poll: Poll): void {
    this.#polls.push(poll);
    this.#wanted += poll.wanted;
  }

  /** Gives a lost poll's permits back: it is opened now, or never again. Does nothing about any other. */
  forget(poll: Poll): void {
    const index = this.#polls.indexOf(poll);
    if (index === -1) return;
    this.#polls.splice(index, 1);
    this.#wanted -= poll.wanted;
    this.#parts.permits.give(poll.wanted);
  }

  /**
   * Asks once for what each of them has stranded, and releases it: it would block its groups for a visibility
   * timeout. For a stop, after which none is opened. Never rejects.
   */
  takeBack(): Promise<unknown> {
    this.#wanted = 0;
    return Promise.all(this.#polls.splice(0).map((poll) => this.#takeBack(poll)));
  }

  /** Never rejects. */
  async #takeBack(poll: Poll): Promise<void> {
    const { permits, clock, logger, reporter } = this.#parts;
    const { wanted } = poll;
    const nowMs = clock.monotonicMs();
    let deliveries: readonly Delivery[] = [];
    try {
      if (isRemembered(poll, nowMs)) {
        const bounds = { waitSeconds: 0, signal: undefined, onLate: undefined };
        const messages = await receive(this.#parts, poll, bounds);
        deliveries = admitAll(this.#parts, messages, wanted, nowMs);
      }
    } catch (error) {
      logger.warn("what an aborted poll may have stranded comes again by itself", { error });
    }
    permits.give(wanted - deliveries.length);
    reporter.receivedLate(deliveries.length);
    for (const delivery of deliveries) delivery.settle(giveBack(stopping));
  }
}
