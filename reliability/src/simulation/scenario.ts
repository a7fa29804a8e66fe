/**
 * Owns what a seed stands for: the queue, the messages, the consumers, the faults, and what is done to
 * consumers when. It never runs anything.
 */
import { Draw } from "./draw.ts";
import { drawFaults, siege } from "./faults.ts";
import type { FaultPlan } from "./faults.ts";
import type { Batches, Lanes } from "./log.ts";
import type { Skew } from "./process.ts";

/**
 * What a seed is restricted to; without it, everything is drawn. `ordered`: a standard queue with an order by key;
 * `orderedFifo`: a FIFO queue with one, whose keys span message groups.
 */
export type QueueKind = "standard" | "ordered" | "fifo" | "orderedFifo";

export function isFifo(kind: QueueKind): boolean {
  return kind === "fifo" || kind === "orderedFifo";
}

interface QueuePlan {
  readonly kind: QueueKind;
  readonly reorder: boolean;
  readonly duplicateRate: number;
  /** Receives after which SQS moves a message to the dead-letter queue; undefined: there is none. */
  readonly maxReceiveCount: number | undefined;
  readonly visibilitySeconds: number;
}

/** One message. */
export interface Job {
  readonly number: number;
  readonly sendAtMs: number;
  readonly lane: string | undefined;
  /** On FIFO queues: its message group. */
  readonly group: string | undefined;
  /** `rejected`: the schema does not take it. `explosive`: the schema throws. */
  readonly body: "good" | "notJson" | "rejected" | "explosive";
  /** How many of its runs may go wrong. */
  readonly troubles: number;
}

export interface ConsumerPlan {
  readonly number: number;
  readonly startAtMs: number;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly batches: Batches | undefined;
  readonly waitTimeSeconds: number;
  /** Undefined: the queue's own. */
  readonly visibilityTimeoutSeconds: number | undefined;
  readonly handlerTimeoutMs: number | undefined;
  readonly schema: boolean;
  /** Whether its schema answers with a promise. */
  readonly slowSchema: boolean;
  readonly limits: boolean;
  /** Undefined: the default one; else one that answers nonsense now and then. */
  readonly retry: "default" | "short" | "nonsense";
  /** Whether loggers and listeners throw. */
  readonly throwing: boolean;
  readonly lanes: Lanes;
  readonly skew: Skew;
}

/** What is done to a consumer at a time. */
export interface Action {
  readonly atMs: number;
  readonly consumer: number;
  readonly what:
    | { readonly kind: "pause"; readonly forMs: number }
    /** `againAfterMs`: when it is started again; 0: start is called before stop has resolved. */
    | { readonly kind: "stop"; readonly deadlineMs: number; readonly againAfterMs: number }
    | { readonly kind: "crash"; readonly againAfterMs: number };
}

/** How handlers behave: weights by behaviour. */
export interface Temper {
  readonly trouble: number;
  readonly blocks: boolean;
  /** Whether handlers may hang: somebody has to end them. */
  readonly hangs: boolean;
  readonly meddles: boolean;
  /** Whether most handlers take seconds while things go wrong. */
  readonly slow: boolean;
  readonly longestMs: number;
}

export interface Scenario {
  readonly seed: number;
  readonly queue: QueuePlan;
  readonly jobs: readonly Job[];
  readonly consumers: readonly ConsumerPlan[];
  readonly actions: readonly Action[];
  readonly faults: FaultPlan;
  readonly temper: Temper;
  /** One way, in ms, without a fault. */
  readonly latencyMs: readonly [number, number];
  /** Until then things go wrong; from then on nothing does. */
  readonly roughMs: number;
}

/** Draws the scenario of a seed. */
export function drawScenario(seed: number, kinds: readonly [QueueKind, ...QueueKind[]]): Scenario {
  const draw = new Draw(seed ^ 0x5ca1ab1e);
  const roughMs = draw.magnitude(5_000, 240_000);
  const kind = draw.pick(kinds);
  const queue: QueuePlan = {
    kind,
    reorder: !isFifo(kind) && draw.chance(0.4),
    duplicateRate: isFifo(kind) ? 0 : draw.pick([0, 0, 0, 0.05, 0.2]),
    maxReceiveCount: draw.chance(0.5) ? draw.pick([2, 4, 10, 1_000, 1_000]) : undefined,
    visibilitySeconds: draw.pick([30, 30, 10, 5]),
  };
  const schema = draw.chance(0.3);
  const consumers = Array.from({ length: draw.pick([1, 1, 2, 3]) }, (_, index) =>
    drawConsumer(draw, index + 1, roughMs, kind, schema),
  );
  const longestMs = draw.pick([200, 2_000, 20_000, 90_000]);
  const scenario: Scenario = {
    seed,
    queue,
    jobs: drawJobs(draw, roughMs, queue, schema),
    consumers,
    actions: drawActions(draw, roughMs, consumers.length),
    faults: drawFaults(draw, roughMs, consumers.length),
    temper: {
      trouble: draw.pick([0, 0.1, 0.3, 0.6]),
      blocks: draw.chance(0.2),
      hangs: draw.chance(0.3),
      meddles: draw.chance(0.1),
      slow: false,
      longestMs,
    },
    latencyMs: draw.pick([
      [1, 5],
      [1, 20],
      [5, 40],
    ]),
    roughMs,
  };
  return draw.chance(0.08) ? crowd(scenario, draw) : scenario;
}

/**
 * One consumer, few workers, slow handlers, and leases that cannot be extended: what waits is lost while it
 * waits, and comes again to the same hands.
 */
function crowd(scenario: Scenario, draw: Draw): Scenario {
  const { consumers, actions, temper, faults, roughMs } = scenario;
  const hands = {
    startAtMs: 0,
    concurrency: draw.pick([1, 2]),
    prefetch: draw.integer(5, 20),
    visibilityTimeoutSeconds: draw.pick([2, 5, 10]),
    limits: false,
  };
  return {
    ...scenario,
    consumers: consumers.slice(0, 1).map((consumer) => ({ ...consumer, ...hands })),
    actions: actions.filter(({ consumer }) => consumer === 1),
    temper: { ...temper, hangs: false, slow: true, longestMs: 20_000 },
    faults: { ...faults, untilMs: roughMs, storms: [{ ...siege(draw, roughMs), rate: 1 }] },
  };
}

/** What the consumers of each kind of queue order by. */
const lanesOf: Readonly<Record<QueueKind, Lanes>> = {
  standard: "none",
  ordered: "key",
  fifo: "group",
  orderedFifo: "key",
};

function drawConsumer(
  draw: Draw,
  number: number,
  roughMs: number,
  kind: QueueKind,
  schema: boolean,
): ConsumerPlan {
  const jumps = draw.chance(0.2)
    ? [
        {
          atMs: draw.integer(0, roughMs),
          byMs: draw.pick([-3_600_000, -5_000, 5_000, 86_400_000]),
        },
      ]
    : [];
  return {
    number,
    startAtMs: draw.chance(0.7) ? 0 : draw.integer(0, roughMs),
    concurrency: draw.magnitude(1, 20),
    prefetch: draw.chance(0.25) ? 0 : draw.magnitude(1, 20),
    batches: draw.chance(0.3) ? drawBatches(draw) : undefined,
    waitTimeSeconds: draw.pick([20, 20, 20, 5, 1, 0]),
    visibilityTimeoutSeconds: draw.pick([undefined, undefined, 30, 10, 4, 2, 120]),
    handlerTimeoutMs: draw.chance(0.4) ? draw.magnitude(100, 60_000) : undefined,
    schema,
    slowSchema: schema && draw.chance(0.4),
    limits: draw.chance(0.2),
    retry: draw.pick(["default", "short", "short", "nonsense"]),
    throwing: draw.chance(0.3),
    lanes: lanesOf[kind],
    skew: { offsetMs: draw.pick([0, 0, -1_800_000, 300_000]), jumps },
  };
}

function drawBatches(draw: Draw): Batches {
  return { maxSize: draw.magnitude(1, 25), maxWaitMs: draw.pick([0, 20, 50, 2_000]) };
}

function drawJobs(draw: Draw, roughMs: number, queue: QueuePlan, schema: boolean): Job[] {
  const count = draw.magnitude(2, 60);
  const lanes = draw.magnitude(1, count);
  // All at once, or one after the other.
  const spreadMs = draw.pick([0, Math.min(roughMs, 2_000), roughMs]);
  const skewed = draw.chance(0.5);
  return Array.from({ length: count }, (_, index): Job => {
    const lane = Math.floor(lanes * (skewed ? draw.random() ** 2 : draw.random()));
    const unkeyed = queue.kind === "standard" || (queue.kind === "ordered" && draw.chance(0.1));
    // A body that never fits comes to an end only where there is a dead-letter queue.
    const poison = schema && queue.maxReceiveCount !== undefined && draw.chance(0.1);
    return {
      number: index + 1,
      sendAtMs: draw.integer(0, spreadMs),
      lane: unkeyed ? undefined : `k${lane}`,
      group: drawGroup(draw, queue.kind, lane, count),
      body: poison
        ? draw.pick(["notJson", "rejected"])
        : schema && draw.chance(0.05)
          ? "explosive"
          : "good",
      troubles: draw.pick([0, 0, 1, 2, 4]),
    };
  }).toSorted((a, b) => a.sendAtMs - b.sendAtMs);
}

function drawGroup(draw: Draw, kind: QueueKind, lane: number, jobs: number): string | undefined {
  if (!isFifo(kind)) return undefined;
  return kind === "fifo" ? `k${lane}` : `g${draw.magnitude(1, jobs)}`;
}

function drawActions(draw: Draw, roughMs: number, consumers: number): Action[] {
  const count = draw.pick([0, 0, 1, 2, 4]);
  return Array.from({ length: count }, (): Action => {
    const action = {
      atMs: draw.integer(0, roughMs),
      consumer: draw.integer(1, consumers),
    };
    switch (draw.weighted({ pause: 2, stop: 4, crash: 2 })) {
      case "pause":
        return { ...action, what: { kind: "pause", forMs: draw.magnitude(10, 60_000) } };
      case "stop":
        return {
          ...action,
          what: {
            kind: "stop",
            deadlineMs: draw.pick([0, 10, 1_000, 30_000]),
            againAfterMs: draw.pick([0, 0, 100, 10_000]),
          },
        };
      default:
        return { ...action, what: { kind: "crash", againAfterMs: draw.magnitude(10, 30_000) } };
    }
  });
}
