/**
 * Owns what a case is to the suite. It holds no code.
 */
import type { Bench } from "../bench.ts";
import type { MetricName } from "../metrics.ts";
import type { PeerName } from "../peers/catalogue.ts";
import type { Measured } from "../results.ts";

/** How thoroughly it is measured: `quick` is for seeing that all works, and for the size of things. */
export interface Pace {
  readonly quick: boolean;
  /** Divides all times and numbers once more, for the smoke test; 1 otherwise. */
  readonly hurry: number;
}

/** What is run in one go. */
export interface Job {
  /** Those it can measure. */
  readonly peers: readonly PeerName[];
  /** About how long it takes, for the progress bar. */
  readonly seconds: number;
  /** The rounds in which it is run; all by default. */
  readonly firstRounds?: number;
  /** @param wanted those of its peers that are to be measured. */
  readonly run: (bench: Bench, wanted: readonly PeerName[]) => Promise<readonly Measured[]>;
}

export interface Case {
  readonly title: string;
  /** How it is measured; for the documentation. */
  readonly how: string;
  /** Columns of its table. */
  readonly metrics: readonly MetricName[];
  readonly jobs: (pace: Pace) => readonly Job[];
}
