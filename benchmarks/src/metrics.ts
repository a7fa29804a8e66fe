/**
 * Owns the figures that cases measure: what each means, and how it is written. It never computes one.
 */

interface Metric {
  readonly title: string;
  readonly unit: "µs" | "ms" | "MB" | "%" | "/s" | "/h" | "";
}

const names = [
  "cpuUs",
  "requests",
  "rate",
  "rows",
  "peakRssMb",
  "heapMb",
  "share",
  "p50Ms",
  "p99Ms",
  "idleRequests",
  "idlePolls",
  "outlasted",
  "leasesLost",
] as const;

export type MetricName = (typeof names)[number];

const metrics: Readonly<Record<MetricName, Metric>> = {
  cpuUs: { title: "CPU a message", unit: "µs" },
  requests: { title: "requests a message", unit: "" },
  rate: { title: "messages", unit: "/s" },
  rows: { title: "rows", unit: "/s" },
  peakRssMb: { title: "peak RSS", unit: "MB" },
  heapMb: { title: "heap in use", unit: "MB" },
  share: { title: "share of the ideal", unit: "%" },
  p50Ms: { title: "p50", unit: "ms" },
  p99Ms: { title: "p99", unit: "ms" },
  idleRequests: { title: "idle requests", unit: "/h" },
  idlePolls: { title: "open polls when idle", unit: "" },
  outlasted: { title: "held beyond the timeout", unit: "" },
  leasesLost: { title: "leases lost", unit: "" },
};

export function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(metrics, name);
}

/** The head of its column. */
export function headOf(name: MetricName): string {
  const { title, unit } = metrics[name];
  return unit === "" ? title : `${title}, ${unit}`;
}

/** Three figures that count, and no more than two decimals but for small ones. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en-GB", {
    minimumFractionDigits: value === 0 ? 0 : decimals,
    maximumFractionDigits: value === 0 ? 0 : decimals,
  });
}
