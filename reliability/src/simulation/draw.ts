/**
 * Owns chance in a simulation: every draw comes from the seed, so that a seed is a whole run. It never
 * asks the runtime for randomness.
 */
import type { Random } from "millrace";
import { seededRandom } from "millrace/testing";

/** A stream of draws. Parts have a stream each, so that one that draws more does not change the others. */
export class Draw {
  /** The stream as the library takes it. */
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** A stream of its own, which depends on nothing but where this one stands. */
  fork(): Draw {
    return new Draw(this.random() * 2 ** 32);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1));
  }

  /** A whole number as {@link integer}, where small ones are as likely as large ones in each power of ten. */
  magnitude(min: number, max: number): number {
    return Math.min(max, Math.floor(min * ((max + 1) / min) ** this.random()));
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.random() * choices.length)] ?? choices[0];
  }

  /** One of the names, each as likely as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a record's own keys are its names
    const names = Object.keys(weights) as [Name, ...Name[]];
    let left = this.random() * names.reduce((sum, name) => sum + weights[name], 0);
    for (const name of names) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return names[0];
  }
}
