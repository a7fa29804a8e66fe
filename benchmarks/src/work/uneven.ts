/**
 * Owns the handler that takes longer for some messages than for most, as calls to other services do. It never
 * computes anything.
 */
import { setTimeout } from "node:timers/promises";
import type { Meter } from "../peers/meter.ts";
import { eachOf } from "./handler.ts";
import type { Work } from "./handler.ts";

export interface UnevenSpec {
  readonly kind: "uneven";
  readonly shortMs: number;
  readonly longMs: number;
  /** Every so-manieth message is a long one. */
  readonly every: number;
}

export function uneven({ shortMs, longMs, every }: UnevenSpec, meter: Meter): Work {
  const handle = async (body: string): Promise<void> => {
    const { number }: { number: number } = JSON.parse(body);
    await setTimeout(number % every === 0 ? longMs : shortMs);
    meter.count(1);
  };
  return { handle, handleBatch: eachOf(handle) };
}
