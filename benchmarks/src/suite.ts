/**
 * Owns the order in which everything is measured: case after case, and within a case round after round with the
 * peers interleaved, so that what else the machine does falls on all of them. It never computes a figure.
 */
import type { Bench } from "./bench.ts";
import { cases } from "./cases/all.ts";
import type { Job, Pace } from "./cases/case.ts";
import type { CaseName } from "./cases/names.ts";
import { isMetricName } from "./metrics.ts";
import type { PeerName } from "./peers/catalogue.ts";
import type { Measured, Point, Results, Row } from "./results.ts";
import { spread } from "./statistics.ts";

export interface Plan {
  readonly cases: readonly CaseName[];
  /** Only these; all when empty. */
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  readonly pace: Pace;
}

/** A job at its place in the order. */
export interface Step {
  readonly caseName: CaseName;
  /** From 1 on. */
  readonly round: number;
  readonly job: Job;
  /** Those of the job's peers that are wanted. */
  readonly peers: readonly PeerName[];
}

/** All steps, in order. */
export function stepsOf(plan: Plan): readonly Step[] {
  return plan.cases.flatMap((caseName) => {
    const jobs = cases[caseName].jobs(plan.pace).flatMap((job) => {
      const peers = job.peers.filter((p) => plan.peers.length === 0 || plan.peers.includes(p));
      return peers.length === 0 ? [] : [{ job, peers }];
    });
    return Array.from({ length: plan.rounds }, (_, index) => index + 1).flatMap((round) =>
      rotated(jobs, round - 1)
        .filter(({ job: { firstRounds = Infinity } }) => round <= firstRounds)
        .map((one) => ({ caseName, round, ...one })),
    );
  });
}

/**
 * Runs the steps.
 *
 * @param onStep called before each.
 */
export async function runSteps(
  steps: readonly Step[],
  bench: Bench,
  onStep: (step: Step) => void,
): Promise<Results["cases"]> {
  const measured = new Map<CaseName, Measured[]>();
  for (const step of steps) {
    onStep(step);
    const found = measured.get(step.caseName) ?? [];
    found.push(...(await step.job.run(bench, step.peers)));
    measured.set(step.caseName, found);
  }
  return Object.fromEntries([...measured].map(([name, found]) => [name, rowsOf(found)]));
}

/** Brings the rounds of each peer and point together, in the order in which they first came. */
function rowsOf(measured: readonly Measured[]): Row[] {
  const groups = new Map<string, Measured[]>();
  for (const one of measured) {
    const key = JSON.stringify([one.peer, one.point]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [rowOf(first.peer, first.point, group)];
  });
}

function rowOf(peer: PeerName, point: Point | undefined, group: readonly Measured[]): Row {
  const names = new Set(group.flatMap(({ metrics }) => Object.keys(metrics)).filter(isMetricName));
  const metrics = [...names].map((name) => {
    const values = group.flatMap(({ metrics: { [name]: value } }) => value ?? []);
    return [name, spread(values)] as const;
  });
  return {
    peer,
    ...(point !== undefined && { point }),
    metrics: Object.fromEntries(metrics),
    endpointShare: Math.max(...group.map(({ endpointShare }) => endpointShare)),
    rounds: group.map((one) => one.metrics),
  };
}

/** Each round begins with another. */
function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
