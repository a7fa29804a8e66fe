/**
 * Owns a thread that runs seeds, one after the other, as it is told. It never prints, and never chooses a
 * seed.
 */
import { parentPort } from "node:worker_threads";
import type { Violation } from "./checker/rule.ts";
import { runSeed } from "./run.ts";
import type { QueueKind } from "./scenario.ts";

/** What it is told: run these. */
export interface SeedOrder {
  readonly from: number;
  readonly count: number;
  readonly kinds: readonly [QueueKind, ...QueueKind[]];
}

/** What it says: which seed begins, or what became of it. */
export type SeedNews =
  | { readonly type: "begins"; readonly seed: number }
  | { readonly type: "ended"; readonly seed: number; readonly violation: Violation | undefined }
  | { readonly type: "idle" };

const port = parentPort;
if (port === null) throw new Error("seed-worker.js is a worker thread, not a program");
// Most errors here are made to be caught; a trace of each would cost a tenth of the time.
Error.stackTraceLimit = 0;
const tell = (news: SeedNews): void => port.postMessage(news);

async function run({ from, count, kinds }: SeedOrder): Promise<void> {
  for (let seed = from; seed < from + count; seed += 1) {
    tell({ type: "begins", seed });
    const { violations } = await runSeed(seed, kinds);
    tell({ type: "ended", seed, violation: violations[0] });
  }
  tell({ type: "idle" });
}

port.on("message", (order: SeedOrder) => void run(order));
