/**
 * Owns the relay's health: what its rounds tell of it, and when to say that it changed. It never acts on it.
 */
import type { Clock, Timer } from "../clock.ts";
import { StatusTeller } from "../health-status.ts";
import type { HealthStatus, Judgement, OnStatusChange } from "../health-status.ts";

/**
 * What `relay.health()` answers.
 *
 * | status | entered when | left when |
 * |---|---|---|
 * | stopped | made, stopped, or its start failed | start is called |
 * | starting | start is called | the first round has ended |
 * | healthy | no trouble is left | something fails |
 * | degraded | the database is away, or a queue cannot be sent to | it is over, or it lasts |
 * | failing | for a minute there was no round; or something to send, and nothing was sent | it is over |
 */
export interface OutboxRelayHealth {
  readonly status: HealthStatus;
  /** Why it is not healthy, for people. */
  readonly reason?: string;
  /** When it last looked into the outbox. */
  readonly lastRoundAt?: Date;
}

/** Trouble that lasts this long is failing. */
const failingAfterMs = 60_000;

interface Trouble {
  readonly sinceMs: number;
  readonly error: Error;
}

export interface RelayHealthParts {
  readonly clock: Clock;
  readonly onChange: OnStatusChange;
}

export class RelayHealth {
  readonly #parts: RelayHealthParts;
  #phase: "stopped" | "starting" | "running" = "stopped";
  /** Set when the connection fails, unset by the next round. */
  #database: Trouble | undefined;
  /** Set while a queue cannot be sent to; since then, or since the last send to any. */
  #sends: Trouble | undefined;
  #lastRoundAtMs: number | undefined;
  readonly #teller: StatusTeller;
  /** Set by #tell while trouble is to become failing without anything else happening. */
  #failing: Timer | undefined;

  constructor(parts: RelayHealthParts) {
    this.#parts = parts;
    this.#teller = new StatusTeller(parts.onChange);
  }

  current(): OutboxRelayHealth {
    const { status, reason } = this.#judge();
    return {
      status,
      ...(reason !== undefined && { reason }),
      ...(this.#lastRoundAtMs !== undefined && { lastRoundAt: new Date(this.#lastRoundAtMs) }),
    };
  }

  starting(): void {
    this.#phase = "starting";
    this.#database = undefined;
    this.#sends = undefined;
    this.#tell();
  }

  stopped(): void {
    this.#phase = "stopped";
    this.#tell();
  }

  databaseFailed(error: Error): void {
    const sinceMs = this.#database?.sinceMs ?? this.#parts.clock.monotonicMs();
    this.#database = { sinceMs, error };
    this.#tell();
  }

  /** @param fault of a queue that cannot be sent to. */
  roundEnded(sent: number, fault: Error | undefined): void {
    const { clock } = this.#parts;
    this.#phase = "running";
    this.#lastRoundAtMs = clock.now();
    this.#database = undefined;
    if (fault === undefined) {
      this.#sends = undefined;
    } else {
      const before = sent > 0 ? undefined : this.#sends;
      this.#sends = { sinceMs: before?.sinceMs ?? clock.monotonicMs(), error: fault };
    }
    this.#tell();
  }

  #judge(): Judgement {
    if (this.#phase !== "running") return { status: this.#phase, reason: undefined };
    const trouble = this.#trouble;
    if (trouble === undefined) return { status: "healthy", reason: undefined };
    const status = this.#failsInMs(trouble) > 0 ? "degraded" : "failing";
    return { status, reason: trouble.error.message };
  }

  get #trouble(): Trouble | undefined {
    return this.#phase === "running" ? (this.#database ?? this.#sends) : undefined;
  }

  #failsInMs({ sinceMs }: Trouble): number {
    return sinceMs + failingAfterMs - this.#parts.clock.monotonicMs();
  }

  #tell(): void {
    this.#failing?.cancel();
    // Before it is told: a listener may bring about the next status.
    const inMs = this.#trouble === undefined ? 0 : this.#failsInMs(this.#trouble);
    this.#failing = inMs > 0 ? this.#parts.clock.setTimer(() => this.#tell(), inMs) : undefined;
    this.#teller.tell(this.#judge());
  }
}
