/**
 * Owns the telling: each thing that happens is counted, made an event, and shown in the health, here
 * and in one step, so that the three agree. It never changes what happens.
 */
import type { Emitter } from "../events.ts";
import type { ConsumerEvents } from "./consumer-events.ts";
import type { Delivery } from "./delivery.ts";
import type { LeaseLostError, SettlementError } from "./errors.ts";
import type { Health } from "./health.ts";
import type { Logger } from "./logger.ts";
import type { Outcome } from "./outcome.ts";
import type { Counters } from "./statistics.ts";

export interface ReporterParts {
  readonly counters: Counters;
  readonly events: Emitter<ConsumerEvents>;
  readonly health: Health;
  readonly logger: Logger;
}

export class Reporter {
  readonly #parts: ReporterParts;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
  }

  get counters(): Readonly<Counters> {
    return this.#parts.counters;
  }

  received(count: number, requested: number, durationMs: number): void {
    const { counters, events, health } = this.#parts;
    counters.polls += 1;
    if (count === 0) counters.emptyPolls += 1;
    counters.received += count;
    health.pollAnswered();
    events.emit("received", { count, requested, durationMs });
  }

  pollFailed(error: Error, consecutive: number, retryInMs: number): void {
    const { counters, events, health } = this.#parts;
    counters.pollsFailed += 1;
    health.failed("polls", error);
    events.emit("pollFailed", { error, consecutive, retryInMs });
  }

  /** A poll that had been given up, and counted as failed, brought `count` deliveries after all. */
  receivedLate(count: number): void {
    this.#parts.counters.received += count;
  }

  /** The limits were asked before a poll; `fault` when one of them failed, so that there is none. */
  limitsAsked(fault: Error | undefined): void {
    const { health, logger } = this.#parts;
    if (fault === undefined) {
      health.wentWell("limits");
      return;
    }
    // Once in a row: they are asked many times a minute.
    if (health.failed("limits", fault)) {
      logger.error("a limit failed; nothing is received", { error: fault });
    }
  }

  started(delivery: Delivery): void {
    this.#parts.counters.started += 1;
    const { message, worker = 0 } = delivery;
    this.#parts.events.emit("started", { message, worker });
  }

  failed(delivery: Delivery, error: Error, outcome: Outcome): void {
    this.#parts.counters.failed += 1;
    const { message, worker = 0 } = delivery;
    this.#parts.events.emit("failed", { message, worker, error, outcome });
  }

  leaseLost(delivery: Delivery, error: LeaseLostError): void {
    this.#parts.counters.leasesLost += 1;
    this.#parts.events.emit("leaseLost", { message: delivery.message, error });
  }

  /** Leases were extended. */
  leasesExtended(): void {
    this.#parts.health.wentWell("leases");
  }

  /** Extensions failed that are tried again, in `againWithinMs` at most or for other messages. */
  extensionFailed(error: Error, againWithinMs: number): void {
    const { health, logger } = this.#parts;
    // Once in a row: each lease is tried several times before it is lost.
    if (health.failed("leases", error, againWithinMs)) {
      logger.warn("leases could not be extended; messages may come again while they are handled", {
        error,
      });
    }
  }

  /** SQS has confirmed the delivery's outcome. */
  settled({ message, outcome, worker = 0, handlerMs }: Delivery): void {
    const { counters, events, health } = this.#parts;
    health.wentWell("settlements");
    switch (outcome?.type) {
      case "acknowledge":
        counters.acknowledged += 1;
        events.emit("acknowledged", { message, worker, handlerMs });
        break;
      case "retry":
        counters.retried += 1;
        events.emit("retried", {
          message,
          worker,
          afterSeconds: outcome.afterSeconds ?? 0,
          reason: outcome.reason,
        });
        break;
      case "deadLetter":
        counters.deadLettered += 1;
        events.emit("deadLettered", { message, reason: outcome.reason });
        break;
      case "release":
        counters.released += 1;
        events.emit("released", {
          message,
          afterSeconds: outcome.afterSeconds ?? 0,
          reason: outcome.reason,
        });
        break;
      case undefined:
        break;
    }
  }

  /** An attempt to settle failed and will be repeated. */
  settleTroubled(error: Error): void {
    this.#parts.health.failed("settlements", error);
    this.#parts.logger.warn("a settlement failed and will be repeated", { error });
  }

  settleFailed({ message, outcome }: Delivery, error: SettlementError): void {
    const { counters, events, health } = this.#parts;
    counters.settlementsFailed += 1;
    health.failed("settlements", error);
    events.emit("settleFailed", { message, outcome, error });
  }
}
