/**
 * Owns chance in tests: draws that are the same for the same seed. It is never a source of secrets.
 */
import type { Random } from "../random.ts";

/**
 * A {@link Random} that draws the same numbers in every run (mulberry32, of whose seed the lower 32 bits
 * count). With it and a `VirtualClock` a run that failed can be had again.
 *
 * @example
 * const consumer = new Consumer({ queue, handle, clock: new VirtualClock(), random: seededRandom(7) });
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
