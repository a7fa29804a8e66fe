/**
 * Owns chance that comes out the same for the same seed. It is for faults and pretended work, never for secrets.
 */
import type { Random } from "millrace";

/** Numbers from 0 up to 1 by mulberry32. Only the lower 32 bits of the seed count. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
