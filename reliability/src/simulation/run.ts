/**
 * Owns one seed from its number to its verdict. It never prints.
 */
import { check } from "./checker/checker.ts";
import type { Violation } from "./checker/rule.ts";
import type { Entry } from "./log.ts";
import { drawScenario } from "./scenario.ts";
import type { QueueKind, Scenario } from "./scenario.ts";
import { runScenario } from "./simulation.ts";

/** Queues that a simulation may draw. */
export const queueKinds: readonly [QueueKind, ...QueueKind[]] = [
  "standard",
  "ordered",
  "fifo",
  "orderedFifo",
];

/** What became of a seed. */
export interface SeedResult {
  readonly scenario: Scenario;
  readonly entries: readonly Entry[];
  /** Empty when every promise was kept. */
  readonly violations: readonly Violation[];
}

/** Runs a seed and judges it. What nothing catches meanwhile counts as a violation, if the caller passes it to the log. */
export async function runSeed(
  seed: number,
  kinds: readonly [QueueKind, ...QueueKind[]] = queueKinds,
): Promise<SeedResult> {
  const scenario = drawScenario(seed, kinds);
  const { entries } = await runScenario(scenario);
  return { scenario, entries, violations: check(entries) };
}
