/**
 * Owns chance: the source of randomness that parts are handed, and the ids and pauses drawn from it. It never
 * waits; that is the clock's.
 */

/** Draws a number, at least 0 and below 1. Simulations pass a seeded one. */
export type Random = () => number;

/** The runtime's own source. */
export const systemRandom: Random = () => Math.random();

/** An id that nobody else has drawn: 128 bits, in hexadecimal. */
export function drawId(random: Random): string {
  const words = Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32));
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** Shape of an exponential backoff with full jitter, in ms. */
export interface BackoffShape {
  /** Ceiling of the first delay. */
  readonly baseMs: number;
  /** Ceiling of every delay. */
  readonly maxMs: number;
}

/**
 * How long to wait before attempt number `attempt + 1`: anything up to `baseMs × 2^attempt`, capped at
 * `maxMs`. Full jitter spreads callers that failed together; see Brooker, "Exponential Backoff And
 * Jitter", AWS Architecture Blog. A tenth of the ceiling is kept as a floor, so that an unlucky row of
 * draws near zero cannot make a loop spin.
 *
 * @param attempt failed attempts so far, less one: 0 after the first failure.
 */
export function fullJitterMs(shape: BackoffShape, attempt: number, random: Random): number {
  const ceiling = Math.min(shape.maxMs, shape.baseMs * 2 ** Math.min(attempt, 52));
  return Math.max(ceiling / 10, random() * ceiling);
}
