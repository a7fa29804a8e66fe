/**
 * Owns the handler that keeps a core busy. It never gives way while it computes, as such code does not.
 */
import { pbkdf2Sync } from "node:crypto";
import type { Meter } from "../peers/meter.ts";
import { done, eachOf } from "./handler.ts";
import type { Work } from "./handler.ts";

export interface HashSpec {
  readonly kind: "hash";
  /** How much: rounds of PBKDF2, the same number for all peers. */
  readonly rounds: number;
}

export function hash({ rounds }: HashSpec, meter: Meter): Work {
  const handle = (body: string): Promise<void> => {
    compute(body, rounds);
    meter.count(1);
    return done;
  };
  return { handle, handleBatch: eachOf(handle) };
}

export function compute(text: string, rounds: number): string {
  return pbkdf2Sync(text, "benchmark", rounds, 32, "sha512").toString("hex");
}

/** Rounds that take about so long on this machine, at this moment. */
export function roundsFor(ms: number): number {
  const probe = 20_000;
  compute("warm-up", probe);
  const began = performance.now();
  compute("probe", probe);
  return Math.max(1, Math.round((probe * ms) / (performance.now() - began)));
}
