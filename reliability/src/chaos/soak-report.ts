/**
 * Owns the judgement on a soak, and how it is told. It never looks at anything but the findings.
 */
import { check } from "programs";
import type { Check } from "programs";
import { faultKinds } from "./faults.ts";
import type { FaultCounts } from "./faults.ts";
import type { CleanStop } from "./consumer-process.ts";
import type { LedgerFigures } from "./ledger.ts";
import type { SoakPlan } from "./soak-plan.ts";

/** What a soak found. */
export interface SoakFindings {
  readonly plan: SoakPlan;
  readonly sent: number;
  /** Sends that the producer gave up, and that were called again. */
  readonly sendFailures: number;
  readonly ledger: LedgerFigures;
  readonly faults: FaultCounts;
  /** Requests by operation: those that reached the proxy, */
  readonly requests: Readonly<Record<string, number>>;
  /** and those that reached SQS. */
  readonly served: Readonly<Record<string, number>>;
  readonly kills: number;
  readonly restarts: number;
  /** How the consumers ended that were asked to: in the midst of it, and those that lived to the end. */
  readonly stops: readonly CleanStop[];
  /** From the end of the faults to the empty queue. */
  readonly drainMs: number;
  readonly durationMs: number;
  readonly left: {
    readonly messages: number;
    readonly processes: number;
    readonly directories: number;
  };
}

/** Judges a soak: it passed when every check has held. */
export function judge(findings: SoakFindings): Check[] {
  const { plan, sent, ledger, faults, kills, restarts, stops, left } = findings;
  const unclean = stops.filter(
    ({ exitCode, durationMs }) => exitCode !== 0 || durationMs > plan.stopWithinMs,
  );
  const longestMs = Math.max(...stops.map(({ durationMs }) => durationMs));
  const some = ledger.someMissing.length === 0 ? "" : `: ${ledger.someMissing.join(", ")}, …`;
  const checks: Check[] = [
    check("every message was sent", sent === plan.messages, `${sent} of ${plan.messages}`),
    check("none was lost", ledger.missing === 0, `${ledger.missing} without a row${some}`),
    check("none was made up", ledger.unknown === 0, `${ledger.unknown} rows of no message`),
    check("the queue is empty", left.messages === 0, `${left.messages} left`),
    check(
      "consumers ended cleanly",
      stops.length >= 2 && unclean.length === 0,
      unclean.length === 0
        ? `${stops.length} stops, the longest of ${Math.round(longestMs)} ms`
        : unclean.map(howItEnded).join(", "),
    ),
    check("no process is left", left.processes === 0, `${left.processes} left`),
    check("no directory is left", left.directories === 0, `${left.directories} left`),
    // A soak without faults would hold all of the above, and say nothing.
    check(
      "there was chaos",
      kills > 0 && restarts === plan.postgresRestarts && total(faults) > 0,
      `${total(faults)} faults, ${kills} kills, ${restarts} restarts`,
    ),
  ];
  if (!plan.fifo) return checks;
  const inOrder = ledger.overtaking === 0;
  return [...checks, check("order was kept", inOrder, `${ledger.overtaking} overtook`)];
}

/** The table at the end, line by line: names with their values. */
export function summarize(findings: SoakFindings): [name: string, value: string][] {
  const { plan, sent, sendFailures, ledger, faults, requests, kills, restarts } = findings;
  const kinds = Object.fromEntries(faultKinds.map((kind) => [kind, faults[kind] ?? 0]));
  const perMessage = (total(requests) / Math.max(sent, 1)).toFixed(2);
  return [
    ["seed", `${plan.seed}`],
    ["queue", plan.fifo ? `FIFO, ${plan.lanes} groups` : "standard"],
    ["sent", count(sent)],
    ["sends given up, and repeated", count(sendFailures)],
    ["rows", count(ledger.rows)],
    ["duplicates", count(ledger.duplicates)],
    ["lost", count(ledger.missing)],
    ["faults", `${count(total(faults))}: ${counts(kinds)}`],
    ["consumers killed", count(kills)],
    ["consumers stopped", count(findings.stops.length)],
    ["Postgres restarted", count(restarts)],
    ["requests", `${count(total(requests))}: ${counts(requests)}`],
    ["requests a message", perMessage],
    ["drained within", `${(findings.drainMs / 1_000).toFixed(1)} s`],
    ["took", `${(findings.durationMs / 1_000).toFixed(1)} s`],
  ];
}

function total(values: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(values).reduce<number>((sum, value = 0) => sum + value, 0);
}

function howItEnded({ exitCode, signal, durationMs }: CleanStop): string {
  return `${signal ?? `exit code ${exitCode}`} after ${Math.round(durationMs)} ms`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function counts(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${count(value)}`)
    .join(", ");
}
