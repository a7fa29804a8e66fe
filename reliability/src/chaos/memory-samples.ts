/**
 * Owns what was measured of a process's memory along a run, and the judgement on it. It never measures.
 */

/** The process right after a garbage collection. */
export interface MemorySample {
  /** How many messages had been acknowledged. */
  readonly messages: number;
  readonly heapUsedBytes: number;
  /** Outside the heap: buffers, mostly. */
  readonly externalBytes: number;
  /** Sockets, timers, requests and the like that keep the process alive. */
  readonly resources: number;
}

type Measure = "heapUsedBytes" | "externalBytes" | "resources";

/** One measure, over a run. */
export interface Trend {
  /** Medians of the first and the last third of the samples. */
  readonly first: number;
  readonly last: number;
  /** Of the least-squares line, a message. */
  readonly slope: number;
}

/** How much more the last third may show than the first: what a full collection leaves to chance. */
export const tolerances: Readonly<Record<Measure, number>> = {
  heapUsedBytes: 512 * 1_024,
  externalBytes: 1_024 * 1_024,
  resources: 10,
};

/** @throws RangeError for fewer than three samples. */
export function trendOf(samples: readonly MemorySample[], measure: Measure): Trend {
  const third = Math.floor(samples.length / 3);
  if (third < 1) throw new RangeError(`three samples are needed, not ${samples.length}`);
  const values = samples.map((sample) => sample[measure]);
  return {
    first: median(values.slice(0, third)),
    last: median(values.slice(-third)),
    slope: slope(
      samples.map(({ messages }) => messages),
      values,
    ),
  };
}

/** Whether nothing grew from the first third to the last. */
export function isFlat({ first, last }: Trend, measure: Measure): boolean {
  return last - first <= tolerances[measure];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = low] = sorted.slice(
    Math.floor((sorted.length - 1) / 2),
    Math.floor(sorted.length / 2) + 1,
  );
  return (low + high) / 2;
}

/** Of the least-squares line through the points. */
function slope(xs: readonly number[], ys: readonly number[]): number {
  const meanX = mean(xs);
  const meanY = mean(ys);
  let products = 0;
  let squares = 0;
  for (const [index, x] of xs.entries()) {
    products += (x - meanX) * ((ys[index] ?? Number.NaN) - meanY);
    squares += (x - meanX) ** 2;
  }
  return products / squares;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
