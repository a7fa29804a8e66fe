/**
 * Owns the shape of a verdict: what has to hold, whether it did, and what was found. It never judges.
 */

/** One thing that has to hold. */
export interface Check {
  readonly name: string;
  readonly held: boolean;
  /** What was found. */
  readonly detail: string;
}

export function check(name: string, held: boolean, detail: string): Check {
  return { name, held, detail };
}
