/**
 * Owns which faults there are between a client and SQS, and which of them befalls a request. It never carries
 * one out.
 */
import type { Random } from "millrace";

/**
 * What can befall a request. "Applied" means that SQS has carried it out, whatever the client hears.
 *
 * | fault | applied | the client sees |
 * |---|---|---|
 * | resetBefore | no | its connection reset |
 * | resetAfter | yes | its connection reset |
 * | blackHole | no | nothing, until it hangs up |
 * | internalError | no | 500, an error of SQS |
 * | unavailable | no | 503, and text that is no JSON |
 * | throttled | no | RequestThrottled |
 * | expiredToken | no | ExpiredTokenException |
 * | delay | yes | the right answer, late |
 * | twice | twice | the second answer |
 * | truncated | yes | the beginning of the answer, then the end of the connection |
 * | garbage | yes | 200, and bytes that are no JSON |
 * | html | no | 200, and a page of HTML |
 */
export const faultKinds = [
  "resetBefore",
  "resetAfter",
  "blackHole",
  "internalError",
  "unavailable",
  "throttled",
  "expiredToken",
  "delay",
  "twice",
  "truncated",
  "garbage",
  "html",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** The share of requests that each fault befalls, 0 to 1; 1 or less in all. What is left out is 0. */
export type FaultRates = Readonly<Partial<Record<FaultKind, number>>>;

/** How often each fault has befallen a request; what never has is left out. */
export type FaultCounts = Readonly<Partial<Record<FaultKind, number>>>;

/** The same rate for every fault. */
export function evenRates(rate: number): FaultRates {
  return Object.fromEntries(faultKinds.map((kind) => [kind, rate]));
}

/** Draws faults. */
export class FaultSource {
  readonly #random: Random;
  /** Each fault with the sum of the rates up to its own. */
  readonly #steps: readonly (readonly [kind: FaultKind, upTo: number])[];

  /** @throws RangeError when a rate is no share, or all of them together are more than 1. */
  constructor(rates: FaultRates, random: Random) {
    this.#random = random;
    let sum = 0;
    this.#steps = faultKinds.map((kind) => {
      const rate = rates[kind] ?? 0;
      if (!(rate >= 0)) throw new RangeError(`the rate of ${kind} must be 0 or more, not ${rate}`);
      sum += rate;
      return [kind, sum];
    });
    // Twelve times a twelfth is a little more than 1.
    if (sum > 1 + 1e-9) throw new RangeError(`rates must be 1 or less in all, not ${sum}`);
  }

  /** The fault of one request, undefined for none. */
  draw(): FaultKind | undefined {
    const drawn = this.#random();
    return this.#steps.find(([, upTo]) => drawn < upTo)?.[0];
  }
}
