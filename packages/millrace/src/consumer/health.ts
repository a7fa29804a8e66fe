/**
 * Owns the consumer's health: what polls and settlements tell of it, and when to say that it changed.
 * It never acts on it.
 */
import type { Clock } from "../clock.ts";
import { StatusTeller } from "../health-status.ts";
import type { HealthStatus, Judgement, OnStatusChange } from "../health-status.ts";
import { SqsError } from "../sqs/errors.ts";
import { SettlementError } from "./errors.ts";

/**
 * What `consumer.health()` answers.
 *
 * | status | entered when | left when |
 * |---|---|---|
 * | stopped | made, stopped, or its start failed | start is called |
 * | starting | start is called | the first poll has ended |
 * | healthy | no trouble is left | something fails |
 * | degraded | there is trouble, of a kind that passes by itself | it is over, or it lasts |
 * | failing | the queue is missing, permission is denied, or nothing could be polled for {@link failingAfterMs} | it is over |
 *
 * Trouble is over when the same thing has gone well. A settlement that failed long ago, with none since,
 * is forgotten after {@link failingAfterMs}: it says nothing of now.
 */
export interface ConsumerHealth {
  readonly status: HealthStatus;
  /** Why it is not healthy, for people. */
  readonly reason?: string;
  /** When the last poll was answered. */
  readonly lastPollAt?: Date;
}

/** Transient trouble that lasts this long is failing. Also how long a settlement's failure counts. */
const failingAfterMs = 60_000;

export interface HealthParts {
  readonly clock: Clock;
  readonly onChange: OnStatusChange;
}

/** What can be in trouble, gravest first: what stops all work is said before what stops some. */
const sources = ["polls", "limits", "settlements"] as const;
export type TroubleSource = (typeof sources)[number];

interface Trouble {
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly error: Error;
}

export class Health {
  readonly #parts: HealthParts;
  #phase: "stopped" | "starting" | "running" = "stopped";
  /** Set by what fails, cleared by what goes well. */
  #troubles: Partial<Record<TroubleSource, Trouble>> = {};
  #lastPollAtMs: number | undefined;
  readonly #teller: StatusTeller;

  constructor(parts: HealthParts) {
    this.#parts = parts;
    this.#teller = new StatusTeller(parts.onChange);
  }

  current(): ConsumerHealth {
    const { status, reason } = this.#judge();
    return {
      status,
      ...(reason !== undefined && { reason }),
      ...(this.#lastPollAtMs !== undefined && { lastPollAt: new Date(this.#lastPollAtMs) }),
    };
  }

  starting(): void {
    this.#phase = "starting";
    this.#troubles = {};
    this.#tell();
  }

  running(): void {
    this.#phase = "running";
    this.#tell();
  }

  stopped(): void {
    this.#phase = "stopped";
    this.#tell();
  }

  pollAnswered(): void {
    this.#lastPollAtMs = this.#parts.clock.now();
    delete this.#troubles.polls;
    // Also when nothing was in trouble: polls are the beat at which time is seen to pass.
    this.#tell();
  }

  failed(source: TroubleSource, error: Error): void {
    const lastMs = this.#parts.clock.monotonicMs();
    const sinceMs = this.#troubles[source]?.sinceMs ?? lastMs;
    this.#troubles[source] = { sinceMs, lastMs, error };
    this.#tell();
  }

  wentWell(source: TroubleSource): void {
    if (this.#troubles[source] === undefined) return;
    delete this.#troubles[source];
    this.#tell();
  }

  #judge(): Judgement {
    if (this.#phase !== "running") return { status: this.#phase, reason: undefined };
    let judged: Judgement | undefined;
    for (const source of sources) {
      const status = this.#statusOf(source);
      if (status === "healthy" || (judged !== undefined && status === "degraded")) continue;
      judged = { status, reason: this.#troubles[source]?.error.message };
      if (status === "failing") break;
    }
    return judged ?? { status: "healthy", reason: undefined };
  }

  #statusOf(source: TroubleSource): "healthy" | "degraded" | "failing" {
    const trouble = this.#troubles[source];
    if (trouble === undefined) return "healthy";
    const { sinceMs, lastMs, error } = trouble;
    const now = this.#parts.clock.monotonicMs();
    if (source === "settlements") {
      if (now - lastMs >= failingAfterMs) return "healthy";
      return isRefused(error instanceof SettlementError ? error.cause : error)
        ? "failing"
        : "degraded";
    }
    return now - sinceMs >= failingAfterMs || needsSomeone(error) ? "failing" : "degraded";
  }

  #tell(): void {
    this.#teller.tell(this.#judge());
  }
}

/** Whether a poll's error stays until someone does something about it. */
export function needsSomeone(error: unknown): boolean {
  return isRefused(error) || (error instanceof SqsError && error.category === "invalid");
}

/** Whether the queue is missing or permission is denied: then the same is so for all that follow. */
function isRefused(error: unknown): boolean {
  if (!(error instanceof SqsError)) return false;
  return error.category === "missingQueue" || error.category === "denied";
}
