/**
 * Owns the ids that the service makes up: unique whatever the source of randomness does, and the same
 * again for the same seed. It never reuses one.
 */
import type { Random } from "millrace";

/** Makes ids in the form of random UUIDs. */
export class Ids {
  readonly #random: Random;
  readonly #middle: string;
  /** How many were made; written by {@link next}. */
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
    const bits = Math.floor(random() * 2 ** 24);
    const high = hex(bits >>> 12, 3);
    const low = hex(bits & 0xfff, 3);
    // The 4 and the 8 say that it is a random UUID, RFC 9562.
    this.#middle = `${hex(Math.floor(random() * 2 ** 16), 4)}-4${high}-8${low}`;
  }

  next(): string {
    this.#count += 1;
    // Below 2³¹, where V8 is quick at it; from 2³⁰ on it has eight digits.
    const drawn = 2 ** 30 + Math.floor(this.#random() * 2 ** 30);
    return `${drawn.toString(16)}-${this.#middle}-${hex(this.#count, 12)}`;
  }
}

/**
 * The sequence number of a FIFO queue's `count`th message: 20 digits, as AWS's are, growing and with
 * gaps, so that nobody counts on the next one.
 */
export function sequenceNumber(count: number): string {
  return `188${String(count * 256).padStart(17, "0")}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
