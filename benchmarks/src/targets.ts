/**
 * Owns what the figures are held against: each target, and whether results meet it. It never measures, and never
 * bends what was measured.
 */
import { slots as blockedSlots } from "./cases/cpu-bound.ts";
import { fewestMessages, mostMessages } from "./cases/growth.ts";
import type { CaseName } from "./cases/names.ts";
import type { MetricName } from "./metrics.ts";
import type { PeerName } from "./peers/catalogue.ts";
import type { Results, Row } from "./results.ts";

/** Both bounds are included; one is enough where nothing can be wrong on the other side. */
interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

interface Target {
  readonly caseName: CaseName;
  readonly text: string;
  readonly goal: Goal;
  /** Undefined when what it needs was not measured, or did not happen. */
  readonly value: (figure: Figure, rows: readonly Row[]) => number | undefined;
}

/** The median of a figure of a peer in the target's case. */
type Figure = (peer: PeerName, metric: MetricName) => number | undefined;

export interface Verdict {
  readonly caseName: CaseName;
  readonly text: string;
  readonly goal: Goal;
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
    // A consumer that does not poll is no better.
    goal: { atLeast: 0.95, atMost: 1 },
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
    value: (figure) => {
      const held = figure("millrace-threads", "outlasted") ?? 0;
      return held < blockedSlots ? undefined : figure("millrace-threads", "leasesLost");
    },
  },
  {
    caseName: "growth",
    text: "CPU a message over all numbers of messages: the highest, times the lowest",
    goal: { atMost: 1.15 },
    value: (_, rows) => {
      const cpu = byMessages(rows, "cpuUs");
      if (!cpu.has(fewestMessages) || !cpu.has(mostMessages)) return undefined;
      return Math.max(...cpu.values()) / Math.min(...cpu.values());
    },
  },
  {
    caseName: "growth",
    text: "heap in use after the most messages, times that after the fewest",
    goal: { atMost: 1.15 },
    value: (_, rows) => {
      const heap = byMessages(rows, "heapMb");
      return ratio(heap.get(mostMessages), heap.get(fewestMessages));
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

/** Medians of a figure of millrace, by how many messages there were. */
function byMessages(rows: readonly Row[], metric: MetricName): ReadonlyMap<number, number> {
  return new Map(
    rows.flatMap(({ peer, point, metrics }) => {
      const median = metrics[metric]?.median;
      const wanted = peer === "millrace" && point?.axis === "messages" && median !== undefined;
      return wanted ? [[point.value, median] as const] : [];
    }),
  );
}

/**
 * What the results say of each target that they can tell of. Of none if all was hurried, or profiled, which
 * takes more time from some than from others.
 */
export function verdicts(results: Results): readonly Verdict[] {
  if (results.hurry > 1 || results.profile) return [];
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

/** Targets that the results say nothing of. */
export function missingVerdicts(results: Results): readonly Pick<Target, "caseName" | "text">[] {
  const held = verdicts(results);
  return targets.filter(
    ({ caseName, text }) => !held.some((one) => one.caseName === caseName && one.text === text),
  );
}

/** As it is shown, so that what reads as met is met and the other way round. */
function meets(value: number, { atLeast = -Infinity, atMost = Infinity }: Goal): boolean {
  const shown = Number(value.toPrecision(3));
  return shown >= atLeast && shown <= atMost;
}

function ratio(of: number | undefined, to: number | undefined): number | undefined {
  return of === undefined || to === undefined || to === 0 ? undefined : of / to;
}
