/**
 * Owns which queues a relay leaves alone for a while, since nothing could be sent to them: so that one that is
 * missing, forbidden or away costs the others little. It never touches a message.
 */
import type { Clock } from "../clock.ts";
import { MillraceError } from "../errors.ts";
import { fullJitterMs } from "../random.ts";
import type { Random } from "../random.ts";

/** What a round came to for one queue. */
export interface QueueReport {
  sent: number;
  /** What the first send failed with that says something about the queue, and not about its message alone. */
  fault: Error | undefined;
  /** How long that took to fail. */
  faultMs: number;
}

interface Rest {
  /** Rounds in a row in which nothing could be sent to it. */
  readonly failures: number;
  readonly untilMs: number;
  readonly error: Error;
}

const backoff = { baseMs: 100, maxMs: 20_000 };
/** One that takes its time to fail holds up the round for as long: it rests for longer than that. */
const restPerFaultTime = 2;

export class QueueRests {
  readonly #clock: Clock;
  readonly #random: Random;
  /** By queue. Those whose rest is over stay until a round has shown how they are. */
  readonly #rests = new Map<string, Rest>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Queues that are to be left alone now. */
  get resting(): readonly string[] {
    const now = this.#clock.monotonicMs();
    return [...this.#rests].flatMap(([queue, { untilMs }]) => (untilMs > now ? [queue] : []));
  }

  /** In how many ms the next rest is over; Infinity when none is. */
  get nextInMs(): number {
    const now = this.#clock.monotonicMs();
    const left = [...this.#rests.values()].map(({ untilMs }) => untilMs - now);
    return Math.min(Infinity, ...left.filter((ms) => ms > 0));
  }

  /** Of a queue that could not be sent to when last tried. */
  get error(): Error | undefined {
    for (const { error } of this.#rests.values()) return error;
    return undefined;
  }

  /**
   * Takes in what became of a round's queues; `rested` were left out of it.
   */
  record(reports: ReadonlyMap<string, QueueReport>, rested: readonly string[]): void {
    for (const queue of this.#rests.keys()) {
      // Nothing of it was due: nothing is known against it any more.
      if (!reports.has(queue) && !rested.includes(queue)) this.#rests.delete(queue);
    }
    for (const [queue, { sent, fault, faultMs }] of reports) {
      if (sent > 0 || fault === undefined) {
        this.#rests.delete(queue);
        continue;
      }
      const failures = (this.#rests.get(queue)?.failures ?? 0) + 1;
      const drawnMs = fullJitterMs(backoff, failures - 1, this.#random);
      const restMs = Math.min(backoff.maxMs, Math.max(drawnMs, restPerFaultTime * faultMs));
      const untilMs = this.#clock.monotonicMs() + restMs;
      this.#rests.set(queue, { failures, untilMs, error: fault });
    }
  }
}

/** Whether the failure of a send says nothing about its queue: SQS, or the library, refuses this very message. */
export function isMessagesOwn(error: unknown): boolean {
  if (!MillraceError.is(error)) return false;
  if (error.code === "INVALID_MESSAGE") return true;
  const { cause } = error;
  return MillraceError.is(cause) && "category" in cause && cause.category === "invalid";
}
