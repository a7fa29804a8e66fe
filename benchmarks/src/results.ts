/**
 * Owns the shape of results as they are kept in JSON, and the reading of such a file. It never measures.
 */
import { readFile } from "node:fs/promises";
import { UsageError } from "programs";
import type { CaseName } from "./cases/names.ts";
import type { MetricName } from "./metrics.ts";
import type { PeerName } from "./peers/catalogue.ts";
import type { Spread } from "./statistics.ts";

/** Raised when the shape changes. */
const version = 2;

/** What a row is measured at, where a case varies something. */
export interface Point {
  readonly axis: "messages" | "workers" | "queues";
  readonly value: number;
}

export type Metrics = Readonly<Partial<Record<MetricName, number>>>;

/** One measurement of one peer. */
export interface Measured {
  readonly peer: PeerName;
  readonly point?: Point | undefined;
  readonly metrics: Metrics;
  /** CPU time of the endpoint meanwhile, as a share of one core. */
  readonly endpointShare: number;
}

/** All rounds of one peer, at one point. */
export interface Row {
  readonly peer: PeerName;
  readonly point?: Point | undefined;
  readonly metrics: Readonly<Partial<Record<MetricName, Spread>>>;
  readonly endpointShare: number;
  /** What the spreads are of. */
  readonly rounds: readonly Metrics[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  /** Of one minute, before the first round: others may have wanted the machine as well. */
  readonly loadAverage: number;
}

export interface Results {
  readonly version: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationSeconds: number;
  readonly quick: boolean;
  /** What all times and numbers were divided by; 1 unless it was to be seen that the program works. */
  readonly hurry: number;
  /** Whether the peers wrote CPU profiles meanwhile. */
  readonly profile: boolean;
  readonly rounds: number;
  readonly machine: Machine;
  /** Of the packages that were measured, by name. */
  readonly packages: Readonly<Record<string, string>>;
  readonly cases: Readonly<Partial<Record<CaseName, readonly Row[]>>>;
}

export function newResults(fields: Omit<Results, "version">): Results {
  return { version, ...fields };
}

/** @throws UsageError when the file holds no results. */
export async function readResults(file: string): Promise<Results> {
  let results: Results;
  try {
    results = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file} cannot be read: ${why}`, { cause: error });
  }
  const why = whyUnreadable(results);
  if (why !== undefined) {
    throw new UsageError(`${file} holds no results of this version of the benchmarks: ${why}`);
  }
  return results;
}

/** What must be there, and as what: in the results, in their account of the machine, and in each row. */
const shape = {
  startedAt: "string",
  durationSeconds: "number",
  quick: "boolean",
  hurry: "number",
  profile: "boolean",
  rounds: "number",
  machine: "object",
  packages: "object",
  cases: "object",
} as const;
const machineShape = {
  cpu: "string",
  cores: "number",
  memoryGb: "number",
  system: "string",
  node: "string",
  loadAverage: "number",
} as const;
const rowShape = { peer: "string", metrics: "object", endpointShare: "number", rounds: "object" };

/** Undefined when it is as it should be. */
function whyUnreadable(results: unknown): string | undefined {
  if (!isRecord(results)) return "it is no object";
  if (results["version"] !== version) return `its version is not ${version}`;
  const why = misfit(results, shape, "") ?? misfit(results["machine"], machineShape, "machine.");
  if (why !== undefined) return why;
  for (const [name, rows] of Object.entries(results["cases"] ?? {})) {
    if (!Array.isArray(rows)) return `cases.${name} is no array`;
    for (const [index, row] of rows.entries()) {
      const wrong = misfit(row, rowShape, `cases.${name}[${index}].`);
      if (wrong !== undefined) return wrong;
    }
  }
  return undefined;
}

function misfit(
  value: unknown,
  expected: Readonly<Record<string, string>>,
  path: string,
): string | undefined {
  const found = isRecord(value) ? value : {};
  const wrong = Object.keys(expected).find(
    (name) => typeof found[name] !== expected[name] || found[name] === null,
  );
  return wrong === undefined ? undefined : `${path}${wrong} is no ${expected[wrong]}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
