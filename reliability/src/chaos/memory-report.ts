/**
 * Owns the judgement on a run of the memory program, and how it is told. It never looks at anything but the
 * findings.
 */
import { check } from "programs";
import type { Check } from "programs";
import type { MemoryFindings } from "./memory-run.ts";
import { isFlat, trendOf } from "./memory-samples.ts";
import type { Trend } from "./memory-samples.ts";

/** Judges a run: it passed when every check has held. */
export function judgeMemory(findings: MemoryFindings): Check[] {
  const { plan, samples, stats, left, resourcesBefore, resourcesAfter } = findings;
  const heap = trendOf(samples, "heapUsedBytes");
  const external = trendOf(samples, "externalBytes");
  const resources = trendOf(samples, "resources");
  const acknowledged = `${stats.acknowledged} of ${plan.messages}`;
  const leftOver = resourcesAfter.length - resourcesBefore.length;
  return [
    check("every message was acknowledged", stats.acknowledged === plan.messages, acknowledged),
    check("the queue is empty", left === 0, `${left} left`),
    check("the heap is flat", isFlat(heap, "heapUsedBytes"), inBytes(heap)),
    check("memory outside it is flat", isFlat(external, "externalBytes"), inBytes(external)),
    check("handles do not add up", isFlat(resources, "resources"), inNumbers(resources)),
    check("no handle is left", leftOver <= 0, leftOver <= 0 ? "none" : resourcesAfter.join(", ")),
  ];
}

/** The table at the end, line by line: names with their values. */
export function summarizeMemory(findings: MemoryFindings): [name: string, value: string][] {
  const { samples, stats, durationMs } = findings;
  const { acknowledged, retried, received } = stats;
  return [
    ["messages", acknowledged.toLocaleString("en-US")],
    [
      "deliveries",
      `${received.toLocaleString("en-US")}, ${retried.toLocaleString("en-US")} retried`,
    ],
    ["took", `${(durationMs / 1_000).toFixed(1)} s`],
    ["messages a second", Math.round((acknowledged / durationMs) * 1_000).toLocaleString("en-US")],
    ["samples", `${samples.length}, each after a full collection`],
    ["heap", inBytes(trendOf(samples, "heapUsedBytes"))],
    ["outside the heap", inBytes(trendOf(samples, "externalBytes"))],
    ["handles", inNumbers(trendOf(samples, "resources"))],
  ];
}

function inBytes({ first, last, slope }: Trend): string {
  return `first third ${mebibytes(first)}, last third ${mebibytes(last)}, slope ${slope.toFixed(3)} bytes a message`;
}

function inNumbers({ first, last, slope }: Trend): string {
  return `first third ${first}, last third ${last}, slope ${slope.toFixed(6)} a message`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(3)} MiB`;
}
