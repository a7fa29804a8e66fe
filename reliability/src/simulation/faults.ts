/**
 * Owns what goes wrong on the wire: which fault, if any, befalls a call. It never carries one out.
 */
import type { SqsOperation } from "millrace";
import type { Draw } from "./draw.ts";

/** Ends of a call that SQS or the network brings about. Each is possible on AWS. */
export type FaultKind =
  /** The connection breaks; SQS never heard of it. */
  | "lostBefore"
  /** SQS has done it; the connection breaks before the answer. */
  | "lostAfter"
  | "throttled"
  /** Status 500; SQS has done nothing. */
  | "failedBefore"
  /** Status 500; SQS has done it all the same. */
  | "failedAfter"
  | "tokenExpired"
  | "denied"
  | "queueMissing"
  /** The request takes long to reach SQS. */
  | "slowRequest"
  /** The answer takes long, and is dropped when the caller gives up. */
  | "slowAnswer"
  /** The answer takes long, and comes even when the caller has given up. */
  | "stubbornAnswer"
  /** No answer at all, whatever the caller does. */
  | "hung"
  /** No answer, but an abort ends it. */
  | "hungUntilAborted"
  /** SQS does it twice. */
  | "twice"
  /** Some entries of a batch fail. */
  | "someFail"
  /** The answer does not mention some entries, which were done. */
  | "someUnsaid"
  /** 200, and nothing of use in it. */
  | "emptyAnswer";

type Weights = Readonly<Record<FaultKind, number>>;

const mixed: Weights = {
  lostBefore: 3,
  lostAfter: 3,
  throttled: 2,
  failedBefore: 2,
  failedAfter: 2,
  tokenExpired: 0.5,
  denied: 0.3,
  queueMissing: 0.2,
  slowRequest: 1.5,
  slowAnswer: 2,
  stubbornAnswer: 2,
  hung: 0.7,
  hungUntilAborted: 0.7,
  twice: 1.5,
  someFail: 4,
  someUnsaid: 1,
  emptyAnswer: 0.7,
};

const batches: ReadonlySet<SqsOperation> = new Set<SqsOperation>([
  "DeleteMessageBatch",
  "ChangeMessageVisibilityBatch",
  "SendMessageBatch",
]);

/** A time in which most calls meet the same fault: an outage, a throttle, a partition. */
interface Storm {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly kind: FaultKind;
  readonly rate: number;
  /** Undefined: all. */
  readonly operation: SqsOperation | undefined;
  readonly who: number | "producer" | undefined;
}

/** The faults of a run. */
export interface FaultPlan {
  /** From then on there are none. */
  readonly untilMs: number;
  /** Share of calls that meet some fault outside storms. */
  readonly rate: number;
  readonly storms: readonly Storm[];
  /** How often a call that is aborted is nevertheless carried out, or its answer dropped. */
  readonly strandRate: number;
}

/** Draws the faults of `durationMs`; a quarter of the runs has none. */
export function drawFaults(draw: Draw, durationMs: number, consumers: number): FaultPlan {
  if (draw.chance(0.25)) return { untilMs: durationMs, rate: 0, storms: [], strandRate: 0 };
  const storms = Array.from({ length: draw.integer(0, 4) }, (): Storm => {
    const fromMs = draw.integer(0, durationMs);
    return {
      fromMs,
      untilMs: Math.min(durationMs, fromMs + draw.magnitude(200, 60_000)),
      kind: draw.weighted(mixed),
      rate: draw.pick([1, 0.9, 0.5]),
      operation: draw.pick<SqsOperation | undefined>([
        undefined,
        undefined,
        "ReceiveMessage",
        "DeleteMessageBatch",
        "ChangeMessageVisibilityBatch",
        "SendMessage",
      ]),
      who: draw.chance(0.5) ? undefined : draw.integer(1, consumers),
    };
  });
  if (draw.chance(0.15)) storms.unshift(siege(draw, durationMs));
  return {
    untilMs: durationMs,
    rate: draw.pick([0, 0.02, 0.05, 0.1, 0.25]),
    storms,
    strandRate: draw.pick([0, 0.3, 1]),
  };
}

/** Most extensions fail as long as anything does: leases are lost that were well kept. */
function siege(draw: Draw, durationMs: number): Storm {
  return {
    fromMs: 0,
    untilMs: durationMs,
    kind: draw.pick(["failedBefore", "slowAnswer", "hungUntilAborted", "emptyAnswer"]),
    rate: draw.pick([1, 0.7]),
    operation: "ChangeMessageVisibilityBatch",
    who: undefined,
  };
}

/** The fault that befalls a call made now; undefined: none. */
export function drawFault(
  plan: FaultPlan,
  draw: Draw,
  nowMs: number,
  who: number | "producer",
  operation: SqsOperation,
): FaultKind | undefined {
  if (nowMs >= plan.untilMs) return undefined;
  const storm = plan.storms.find(
    (each) =>
      nowMs >= each.fromMs &&
      nowMs < each.untilMs &&
      (each.operation === undefined || each.operation === operation) &&
      (each.who === undefined || each.who === who),
  );
  if (storm !== undefined && draw.chance(storm.rate)) return possible(storm.kind, operation);
  if (!draw.chance(plan.rate)) return undefined;
  return possible(draw.weighted(mixed), operation);
}

/** What only a batch can meet becomes its like. */
function possible(kind: FaultKind, operation: SqsOperation): FaultKind {
  if (batches.has(operation)) return kind;
  // The attributes of a queue that has none would be believed: SQS leaves out what is not set.
  if (kind === "emptyAnswer" && operation === "GetQueueAttributes") return "failedAfter";
  if (kind === "someFail") return "failedBefore";
  return kind === "someUnsaid" ? "lostAfter" : kind;
}
