/**
 * Owns the shape of what the buyers tell in the end. It never makes one.
 */
import { z } from "zod";
import type { Percentiles } from "./percentile.ts";

export interface Bought {
  readonly type: "bought";
  /** Requests that were answered with 202. */
  readonly accepted: number;
  /** All others. */
  readonly failed: number;
  /** What the first of those met. */
  readonly failure?: string | undefined;
  readonly durationMs: number;
  /** From request to answer, in ms. */
  readonly answerMs: Percentiles;
}

const bought: z.ZodType<Bought> = z.object({
  type: z.literal("bought"),
  accepted: z.int(),
  failed: z.int(),
  failure: z.string().optional(),
  durationMs: z.number(),
  answerMs: z.object({ p50: z.number(), p99: z.number() }),
});

/** @throws ZodError for anything else. */
export function parseBought(told: unknown): Bought {
  return bought.parse(told);
}
