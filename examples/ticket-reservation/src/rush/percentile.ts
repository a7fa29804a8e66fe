/** Owns the reading of percentiles from measurements. It never measures. */

/** Of times in ms. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** By nearest rank; zeroes when there are none. */
export function percentilesOf(measuredMs: Iterable<number>): Percentiles {
  const sorted = Float64Array.from(measuredMs).toSorted();
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
