/**
 * Owns the shapes of what is known of consumers, calls, deliveries, runs and messages at one moment of a log. It
 * holds no code.
 */
import type { ConsumerFacts, Entry, HandedOut, RunEnd } from "../log.ts";

export type EntryOf<Type extends Entry["type"]> = Extract<Entry, { type: Type }>;

export interface Consumer {
  readonly number: number;
  readonly facts: ConsumerFacts;
  /** `idle` before the first start and after a stop; `starting` is running. */
  phase: "idle" | "running" | "stopping" | "crashed";
  /** Of the stop that is under way, or the last one. */
  stopCalledMs: number;
  stopDeadlineMs: number;
  openStops: number;
  /** start() was called while a stop was under way. */
  startQueued: boolean;
  paused: boolean;
  blockedUntilMs: number;
  /** Time that its event loop stood still since stop was called. */
  blockedMs: number;
  /** When it last gave a call up. */
  lastAbortMs: number;
  readonly polls: Set<Call>;
  /** What it has received and neither settled nor certainly lost. */
  readonly hand: Set<Delivery>;
  /** Handlers that have not ended. */
  readonly runs: Set<Run>;
  readonly attempts: Set<string>;
  /** When deliveries of a lane were last seen to go back. */
  readonly wentBackMs: Map<string, number>;
  lastPoll: Call | undefined;
}

export interface Call {
  readonly request: EntryOf<"request">;
  readonly deliveries: readonly Delivery[];
  /** Entry by entry: whether it is a settlement rather than an extension. */
  readonly settles: readonly ("yes" | "no" | "maybe")[];
  state: "open" | "aborted" | "answered";
}

export interface Delivery extends HandedOut {
  readonly consumer: Consumer | undefined;
  readonly handedOutMs: number;
  readonly askedMs: number;
  /** When it becomes visible to others, as SQS has it. */
  visibleAtMs: number;
  /** Until when its consumer may hold it, by what it was told. */
  heldUntilMs: number;
  /** Until when it may count its lease: what was answered late, or about a lease that was over, may have told it more. */
  mayBeHeldUntilMs: number;
  arrivedMs: number | undefined;
  /** In the order of arrival, over all. */
  arrival: number;
  /** It came after its poll had been given up. */
  late: boolean;
  /** A fault befell the poll that brought it. */
  receiveFaulty: boolean;
  /** A fault befell a request about it, or its consumer stood still. */
  touched: boolean;
  run: Run | undefined;
  /** When a request that settles it was first sent. */
  settleSentMs: number | undefined;
  /** SQS has done what settles it. */
  settleApplied: boolean;
  /** Its consumer knows. */
  settleConfirmed: boolean;
  /** Its consumer may have given it up: a settlement failed, or SQS refused something. */
  doubtful: boolean;
  /** Calls about it that its consumer waits for. */
  readonly open: Set<Call>;
  copied: boolean;
  /** The earlier one of its lane that failed while it was in hand. */
  barredBy: Delivery | undefined;
  /** What the first change that settles it asked for. */
  settleSeconds: number | undefined;
}

export interface Run {
  readonly number: number;
  /** The same for all that are handled in one batch; undefined: alone. */
  readonly batch: number | undefined;
  readonly consumer: Consumer;
  readonly delivery: Delivery | undefined;
  readonly startedMs: number;
  abortedMs: number | undefined;
  abortCode: string | undefined;
  endedMs: number | undefined;
  end: RunEnd | undefined;
}

/** A message in the queue, whatever became of it. */
export interface StoredMessage {
  readonly id: string;
  readonly job: number;
  readonly lane: string | undefined;
  readonly sequence: string | undefined;
  /** A handler of it resolved. */
  resolved: boolean;
  copied: boolean;
  deleted: boolean;
}
