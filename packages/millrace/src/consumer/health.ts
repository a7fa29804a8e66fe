/**
 * Owns the consumer's health: what polls and settlements tell of it, and when to say that it changed.
 * It never acts on it.
 */
import type { Clock } from "../clock.ts";
import { SqsError } from "../sqs/errors.ts";

/**
 * | status | entered when | left when |
 * |---|---|---|
 * | stopped | made, stopped, or its start failed | start is called |
 * | starting | start is called | the first poll has ended |
 * | healthy | a poll is answered, and no settlement is in trouble | something fails |
 * | degraded | a poll or a settlement failed, in a way that passes by itself | one is answered, or it lasts |
 * | failing | the queue is missing, permission is denied, or polls have failed for {@link failingAfterMs} | a poll is answered |
 */
export type HealthStatus = "starting" | "healthy" | "degraded" | "failing" | "stopped";

/** What `consumer.health()` answers. */
export interface ConsumerHealth {
  readonly status: HealthStatus;
  /** Why it is not healthy, for people. */
  readonly reason?: string;
  /** When the last poll was answered. */
  readonly lastPollAt?: Date;
}

/** Transient trouble that lasts this long is failing. */
export const failingAfterMs = 60_000;

export interface HealthParts {
  readonly clock: Clock;
  readonly onChange: (from: HealthStatus, to: HealthStatus, reason: string | undefined) => void;
}

interface Trouble {
  readonly sinceMs: number;
  readonly error: Error;
}

export class Health {
  readonly #parts: HealthParts;
  #phase: "stopped" | "starting" | "running" = "stopped";
  /** Set by failed polls, cleared by an answered one. */
  #pollTrouble: Trouble | undefined;
  /** Set by failed settlements, cleared by a confirmed one. */
  #settleTrouble: Trouble | undefined;
  #lastPollAtMs: number | undefined;
  /** What onChange was last told. */
  #told: HealthStatus = "stopped";

  constructor(parts: HealthParts) {
    this.#parts = parts;
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
    this.#pollTrouble = undefined;
    this.#settleTrouble = undefined;
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
    this.#pollTrouble = undefined;
    this.#tell();
  }

  pollFailed(error: Error): void {
    this.#pollTrouble = this.#since(this.#pollTrouble, error);
    this.#tell();
  }

  settled(): void {
    if (this.#settleTrouble === undefined) return;
    this.#settleTrouble = undefined;
    this.#tell();
  }

  settleFailed(error: Error): void {
    this.#settleTrouble = this.#since(this.#settleTrouble, error);
    this.#tell();
  }

  #since(trouble: Trouble | undefined, error: Error): Trouble {
    return { sinceMs: trouble?.sinceMs ?? this.#parts.clock.monotonicMs(), error };
  }

  #judge(): { status: HealthStatus; reason: string | undefined } {
    if (this.#phase !== "running") return { status: this.#phase, reason: undefined };
    const trouble = this.#pollTrouble ?? this.#settleTrouble;
    if (trouble === undefined) return { status: "healthy", reason: undefined };
    const { error, sinceMs } = trouble;
    const lasts = this.#parts.clock.monotonicMs() - sinceMs >= failingAfterMs;
    const failing = trouble === this.#pollTrouble && (lasts || needsSomeone(error));
    return { status: failing ? "failing" : "degraded", reason: error.message };
  }

  #tell(): void {
    const { status, reason } = this.#judge();
    const from = this.#told;
    if (status === from) return;
    this.#told = status;
    this.#parts.onChange(from, status, reason);
  }
}

/** Whether an error stays until someone does something about it. */
export function needsSomeone(error: unknown): boolean {
  if (!(error instanceof SqsError)) return false;
  const { category } = error;
  return category === "missingQueue" || category === "denied" || category === "invalid";
}
