/**
 * Owns the time to sign with: the machine's own, corrected by what SQS says the time is. It never corrects
 * anything else; deadlines and leases run on the monotonic clock.
 */
import type { Clock } from "../clock.ts";
import { SqsServiceError } from "./errors.ts";

/** A difference up to this is the Date header's whole seconds and the answer's way, not a wrong clock. */
const toleranceMs = 30_000;
/** Beyond it a date has more digits than a signature has room for, and soon none at all. */
const latestMs: number = Date.UTC(9999, 11, 31);

/** Refusals that a wrong clock can be behind. */
const skewRefusals = new Set([
  "AuthFailure",
  "InvalidSignatureException",
  "RequestExpired",
  "RequestInTheFuture",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
]);

/** Whether SQS refused the call for a reason that a wrong clock can be behind. */
export function isSkewRefusal(error: unknown): boolean {
  return error instanceof SqsServiceError && skewRefusals.has(error.errorName);
}

/** The time at SQS. */
export class ServerClock {
  readonly #clock: Clock;
  /** Added to the machine's time. Written by observe alone. */
  #offsetMs = 0;
  #lastDate: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In ms since the epoch. */
  now(): number {
    return this.#clock.now() + this.#offsetMs;
  }

  /** How far the machine's clock is behind, in ms; 0 when it is right. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Takes the Date header of an answer that has just begun to arrive. */
  observe(headers: Readonly<Record<string, string | string[] | undefined>>): void {
    const { date } = headers;
    // A cache says with Age that the Date is an old one.
    if (typeof date !== "string" || date === this.#lastDate || headers["age"] !== undefined) return;
    this.#lastDate = date;
    const serverMs = Date.parse(date);
    // A date that no signature can carry would keep every later request from being signed.
    if (!(serverMs >= 0 && serverMs <= latestMs)) return;
    if (Math.abs(serverMs - this.now()) <= toleranceMs) return;
    const offsetMs = serverMs - this.#clock.now();
    this.#offsetMs = Math.abs(offsetMs) <= toleranceMs ? 0 : offsetMs;
  }
}
