/**
 * Owns the messages of a soak: what is in them, and how that is read again. It never sends one.
 */

/** Numbered from 1 on, in a lane, within which a FIFO queue keeps the order of the numbers. */
export interface Numbered {
  readonly n: number;
  readonly lane: string;
}

/** The message with this number when there are so many lanes. */
export function numbered(n: number, lanes: number): Numbered {
  return { n, lane: `lane-${n % lanes}` };
}

/** @throws TypeError when a body is none of a soak's. */
export function readNumbered(body: string): Numbered {
  const value: unknown = JSON.parse(body);
  if (typeof value === "object" && value !== null && "n" in value && "lane" in value) {
    const { n, lane } = value;
    if (typeof n === "number" && typeof lane === "string") return { n, lane };
  }
  throw new TypeError(`this is no message of a soak: ${body}`);
}
