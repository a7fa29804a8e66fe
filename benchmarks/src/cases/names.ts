/**
 * Owns the names of the cases, in the order in which they run. It holds nothing of what they do.
 */

export const caseNames = [
  "backlog",
  "uneven",
  "trickle",
  "database",
  "cpu-bound",
  "growth",
  "producer",
] as const;

export type CaseName = (typeof caseNames)[number];
