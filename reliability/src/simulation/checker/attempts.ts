/**
 * Owns what became of each consumer's receive attempts: which are to be opened again, and which never. It
 * never judges.
 */
import type { Call } from "./records.ts";

/** What SQS answers when it has not even looked: nothing was handed out. */
const refusals = ["RequestThrottled", "ExpiredToken", "AccessDenied", "QueueDoesNotExist"];
/** For less than SQS remembers them. */
const rememberedMs = 280_000;

const abortGraceMs = 1_000;

interface OfConsumer {
  /** By id, when each was first opened. */
  readonly openedMs: Map<string, number>;
  /** By id, from when on its consumer knows it for lost. */
  readonly lost: Map<string, number>;
  readonly spent: Set<string>;
  /** By id, which a stop has asked for. */
  readonly tookBack: Set<string>;
}

export class Attempts {
  readonly #byConsumer = new Map<number, OfConsumer>();

  /**
   * A poll has ended: with an error, or with an answer.
   *
   * @param late whether it had been given up. Its consumer learns of that only while the call is ending, and
   * while the poll has not been opened again.
   */
  ended({ request }: Call, error: string | undefined, nowMs: number, late: boolean): void {
    const { who, attempt, operation, atMs } = request;
    if (who === "producer" || attempt === undefined || operation !== "ReceiveMessage") return;
    const attempts = this.#of(who);
    if (late && nowMs > (attempts.lost.get(attempt) ?? -Infinity)) return;
    if (!attempts.openedMs.has(attempt)) attempts.openedMs.set(attempt, Math.min(atMs, nowMs));
    attempts.lost.delete(attempt);
    if (error === undefined || attempts.tookBack.has(attempt)) return;
    if (refusals.includes(error)) attempts.spent.add(attempt);
    // A call that was given up may take a second to end.
    else attempts.lost.set(attempt, error === "aborted" ? nowMs + abortGraceMs : nowMs);
  }

  /** The next start knows none. */
  forget(consumer: number): void {
    this.#byConsumer.delete(consumer);
  }

  /** A stop asks once, whatever comes of it. */
  tookBack(consumer: number, attempt: string): void {
    const attempts = this.#of(consumer);
    attempts.lost.delete(attempt);
    attempts.tookBack.add(attempt);
  }

  /** Whether a stop left an attempt alone that may have brought something. */
  isStranded(consumer: number, stopCalledMs: number, nowMs: number): boolean {
    const { lost, openedMs } = this.#of(consumer);
    for (const id of lost.keys()) {
      const openedAtMs = openedMs.get(id) ?? -Infinity;
      if (openedAtMs <= stopCalledMs && nowMs - openedAtMs < rememberedMs) return true;
    }
    return false;
  }

  isSpent(consumer: number, attempt: string): boolean {
    return this.#of(consumer).spent.has(attempt);
  }

  /** Whether another attempt should have been opened instead of this one. */
  owes(consumer: number, attempt: string, nowMs: number): boolean {
    const { lost, openedMs } = this.#of(consumer);
    const reused = lost.delete(attempt);
    if (reused) return false;
    for (const [id, sinceMs] of lost) {
      const remembered = nowMs - (openedMs.get(id) ?? -Infinity) < rememberedMs;
      if (remembered && sinceMs < nowMs) return true;
      if (!remembered) lost.delete(id);
    }
    return false;
  }

  #of(consumer: number): OfConsumer {
    let attempts = this.#byConsumer.get(consumer);
    if (attempts === undefined) {
      attempts = { openedMs: new Map(), lost: new Map(), spent: new Set(), tookBack: new Set() };
      this.#byConsumer.set(consumer, attempts);
    }
    return attempts;
  }
}
