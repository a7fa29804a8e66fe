/**
 * Owns what the figures are held against: each target, and whether results meet it. It never measures, and never
 * bends what was measured.
 */
import type { CaseName } from "./cases/names.ts";
import type { MetricName } from "./metrics.ts";
import type { PeerName } from "./peers/catalogue.ts";
import type { Results, Row } from "./results.ts";

interface Target {
  readonly caseName: CaseName;
  readonly text: string;
  readonly goal: { readonly atMost: number } | { readonly atLeast: number };
  /** Undefined when what it needs was not measured. */
  readonly value: (figure: Figure, rows: readonly Row[]) => number | undefined;
}

/** The median of a figure of a peer in the target's case. */
type Figure = (peer: PeerName, metric: MetricName) => number | undefined;

export interface Verdict {
  readonly caseName: CaseName;
  readonly text: string;
  readonly goal: Target["goal"];
  readonly value: number;
  readonly met: boolean;
}

const targets: readonly Target[] = [
  {
    caseName: "backlog",
    text: "CPU a message, times that of the unsigned floor",
    goal: { atMost: 1.35 },
    value: (figure) => ratio(figure("millrace", "cpuUs"), figure("undici-loop", "cpuUs")),
  },
  {
    caseName: "backlog",
    text: "CPU a message, times less than sqs-consumer's handleMessage",
    goal: { atLeast: 10 },
    value: (figure) => ratio(figure("sqs-consumer", "cpuUs"), figure("millrace", "cpuUs")),
  },
  {
    caseName: "backlog",
    text: "requests a message",
    goal: { atMost: 0.205 },
    value: (figure) => figure("millrace", "requests"),
  },
  {
    caseName: "uneven",
    text: "share of the ideal, %",
    goal: { atLeast: 97 },
    value: (figure) => figure("millrace", "share"),
  },
  {
    caseName: "uneven",
    text: "requests a message",
    goal: { atMost: 0.25 },
    value: (figure) => figure("millrace", "requests"),
  },
  {
    caseName: "trickle",
    text: "p50 latency, times that of a bare long poll",
    goal: { atMost: 1.2 },
    value: (figure) => ratio(figure("millrace", "p50Ms"), figure("undici-loop", "p50Ms")),
  },
  {
    caseName: "trickle",
    text: "open polls when idle",
    goal: { atMost: 1 },
    value: (figure) => figure("millrace", "idlePolls"),
  },
  {
    caseName: "database",
    text: "rows a second of handleBatch, times those of handle",
    goal: { atLeast: 4 },
    value: (figure) => ratio(figure("millrace-batch", "rows"), figure("millrace", "rows")),
  },
  {
    caseName: "database",
    text: "rows a second of handle, times those of a bare loop of inserts",
    goal: { atLeast: 0.9 },
    value: (figure) => ratio(figure("millrace", "rows"), figure("pool-loop", "rows")),
  },
  {
    caseName: "cpu-bound",
    text: "messages a second on 2 threads, times those in process",
    goal: { atLeast: 1.9 },
    value: (figure) => ratio(figure("millrace-threads", "rate"), figure("millrace", "rate")),
  },
  {
    caseName: "cpu-bound",
    text: "leases lost while all handlers in threads block",
    goal: { atMost: 0 },
    value: (figure) => figure("millrace-threads", "leasesLost"),
  },
  {
    caseName: "growth",
    text: "CPU a message over all numbers of messages: the highest, times the lowest",
    goal: { atMost: 1.15 },
    value: (_, rows) => {
      const cpu = rows.flatMap(({ peer, point, metrics }) =>
        peer === "millrace" && point?.axis === "messages" ? (metrics.cpuUs?.median ?? []) : [],
      );
      return cpu.length < 2 ? undefined : Math.max(...cpu) / Math.min(...cpu);
    },
  },
  {
    caseName: "growth",
    text: "heap in use after the most messages, times that after the fewest",
    goal: { atMost: 1.15 },
    value: (_, rows) => {
      const heap = rows.flatMap(({ peer, point, metrics }) =>
        peer === "millrace" && point?.axis === "messages" ? (metrics.heapMb?.median ?? []) : [],
      );
      return heap.length < 2 ? undefined : ratio(heap.at(-1), heap[0]);
    },
  },
  {
    caseName: "producer",
    text: "requests a message",
    goal: { atMost: 0.11 },
    value: (figure) => figure("producer", "requests"),
  },
  {
    caseName: "producer",
    text: "CPU a message, times less than one by one through the SDK",
    goal: { atLeast: 5 },
    value: (figure) => ratio(figure("sdk-sends", "cpuUs"), figure("producer", "cpuUs")),
  },
];

/** What the results say of each target that they can tell of. */
export function verdicts(results: Results): readonly Verdict[] {
  return targets.flatMap(({ caseName, text, goal, value }) => {
    const rows = results.cases[caseName];
    if (rows === undefined) return [];
    const figure: Figure = (peer, metric) =>
      rows.find((row) => row.peer === peer && row.point === undefined && row.metrics[metric])
        ?.metrics[metric]?.median;
    const found = value(figure, rows);
    return found === undefined
      ? []
      : [{ caseName, text, goal, value: found, met: meets(found, goal) }];
  });
}

/** As it is shown, so that what reads as met is met and the other way round. */
function meets(value: number, goal: Target["goal"]): boolean {
  const shown = Number(value.toPrecision(3));
  return "atMost" in goal ? shown <= goal.atMost : shown >= goal.atLeast;
}

function ratio(of: number | undefined, to: number | undefined): number | undefined {
  return of === undefined || to === undefined || to === 0 ? undefined : of / to;
}
