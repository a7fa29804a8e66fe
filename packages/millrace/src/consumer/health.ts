/**
 * Owns the consumer's health: what polls, limits, settlements and extensions of leases tell of it, and when to say that it changed.
 * It never acts on it.
 */
import type { Clock, Timer } from "../clock.ts";
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
 * | failing | the queue is missing, permission is denied, or polls or limits have failed for a minute | it is over |
 *
 * Trouble is over when the same thing has gone well. A minute in which nothing was tried, for a pause or since a
 * limit allows nothing, makes no trouble graver. A settlement that failed a minute ago, with none since, is forgotten,
 * and so is an extension of a lease a visibility timeout ago, if that is longer: it says nothing of now.
 */
export interface ConsumerHealth {
  readonly status: HealthStatus;
  /** Why it is not healthy, for people. */
  readonly reason?: string;
  /** When the last poll was answered. */
  readonly lastPollAt?: Date;
}

/** Transient trouble that lasts this long, from the first try that failed to the last, is failing. */
const failingAfterMs = 60_000;
/** Two failures of one kind with as long between them have nothing to do with one another. */
const apartMs = 60_000;

export interface HealthParts {
  readonly clock: Clock;
  readonly onChange: OnStatusChange;
}

/** What can be in trouble, gravest first: what stops all work is said before what stops some. */
const sources = ["polls", "limits", "settlements", "leases"] as const;
export type TroubleSource = (typeof sources)[number];
/** Those that are tried only while there are messages. */
const ofMessages: ReadonlySet<TroubleSource> = new Set(["settlements", "leases"]);

interface Trouble {
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly error: Error;
  /** From when on it says nothing of now; Infinity where the same is tried again in any case. */
  readonly forgottenAtMs: number;
}

export class Health {
  readonly #parts: HealthParts;
  #phase: "stopped" | "starting" | "running" = "stopped";
  /** Set by what fails, cleared by what goes well and by #timer. What is in it is judged without regard to the time. */
  #troubles: Partial<Record<TroubleSource, Trouble>> = {};
  #lastPollAtMs: number | undefined;
  /** Set while there is something to forget. */
  #timer: Timer | undefined;
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
    this.#armForgetting();
    this.#tell();
  }

  running(): void {
    this.#phase = "running";
    this.#tell();
  }

  stopped(): void {
    this.#phase = "stopped";
    this.#troubles = {};
    this.#armForgetting();
    this.#tell();
  }

  pollAnswered(): void {
    this.#lastPollAtMs = this.#parts.clock.now();
    this.wentWell("polls");
  }

  /**
   * Answers whether it is the first failure since the same last went well, or was forgotten.
   *
   * @param againWithinMs how long it may take until the same is tried again, where that may last.
   */
  failed(source: TroubleSource, error: Error, againWithinMs = 0): boolean {
    const lastMs = this.#parts.clock.monotonicMs();
    const before = this.#troubles[source];
    const goesOn = before !== undefined && lastMs - before.lastMs < apartMs;
    this.#troubles[source] = {
      sinceMs: goesOn ? before.sinceMs : lastMs,
      lastMs,
      error,
      forgottenAtMs: ofMessages.has(source) ? lastMs + Math.max(apartMs, againWithinMs) : Infinity,
    };
    this.#armForgetting();
    this.#tell();
    return before === undefined;
  }

  wentWell(source: TroubleSource): void {
    if (this.#troubles[source] === undefined) return;
    delete this.#troubles[source];
    this.#armForgetting();
    this.#tell();
  }

  /** By a timer, so that who only listens hears of it as soon as who asks. */
  #armForgetting(): void {
    const { clock } = this.#parts;
    this.#timer?.cancel();
    this.#timer = undefined;
    const atMs = Math.min(...Object.values(this.#troubles).map((each) => each.forgottenAtMs));
    if (atMs === Infinity) return;
    this.#timer = clock.setTimer(() => this.#forget(), atMs - clock.monotonicMs());
  }

  #forget(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const source of sources) {
      const trouble = this.#troubles[source];
      if (trouble !== undefined && trouble.forgottenAtMs <= nowMs) delete this.#troubles[source];
    }
    this.#armForgetting();
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
    if (ofMessages.has(source)) {
      return isRefused(error instanceof SettlementError ? error.cause : error)
        ? "failing"
        : "degraded";
    }
    return lastMs - sinceMs >= failingAfterMs || needsSomeone(error) ? "failing" : "degraded";
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
