/**
 * Owns the log of a run: what went over the wire and what SQS made of it, what handlers did, and what was
 * asked of consumers. It is all that the checker reads; nothing in it comes from inside a consumer.
 */
import type { SqsOperation } from "millrace";
import type { FaultKind } from "./faults.ts";

/** How the deliveries of a consumer are ordered. */
export type Lanes = "none" | "key" | "group";

/** How a consumer gathers batches. */
export interface Batches {
  readonly maxSize: number;
  readonly maxWaitMs: number;
}

/** What a consumer was made with, as far as promises depend on it. */
export interface ConsumerFacts {
  readonly concurrency: number;
  readonly prefetch: number;
  /** Undefined: its handler takes one message at a time. */
  readonly batches: Batches | undefined;
  readonly waitSeconds: number;
  readonly visibilitySeconds: number;
  readonly handlerTimeoutMs: number | undefined;
  readonly lanes: Lanes;
  /** Whether its queue is a FIFO one. */
  readonly fifo: boolean;
  /** Whether reading a body may take its time, for which the log shows neither a worker nor a reason. */
  readonly slowBodies: boolean;
  /** Whether a limit may hold polls back. */
  readonly limited: boolean;
}

/** A delivery as SQS handed it out. Deliveries are numbered over the whole run; each has a receipt handle of its own. */
export interface HandedOut {
  readonly delivery: number;
  readonly messageId: string;
  readonly job: number;
  readonly lane: string | undefined;
  /** Its message group; undefined on standard queues. */
  readonly group: string | undefined;
  readonly sequence: string | undefined;
  readonly receiveCount: number;
  /** Whether its body is one that a handler gets to see. */
  readonly sound: boolean;
}

/** One entry of a request about deliveries. */
export interface AboutDelivery {
  readonly delivery: number;
  /** Of a change of visibility. */
  readonly seconds: number | undefined;
}

/** A message that SQS took in. */
export interface TakenIn {
  readonly job: number;
  readonly messageId: string;
  readonly lane: string | undefined;
  /** Its message group; undefined on standard queues. */
  readonly group: string | undefined;
  readonly sequence: string | undefined;
  /** Set when it is a copy of a delivery, in the dead-letter queue. */
  readonly copyOf: number | undefined;
}

/** What a batch's answer said of an entry. */
export type EntryAnswer = "done" | "failed" | "refused" | "unsaid";

/** How a handler's run ended. */
export type RunEnd =
  | { readonly how: "resolved" }
  /** `told`: it threw the reason of its signal. */
  | { readonly how: "threw"; readonly told?: boolean }
  | { readonly how: "returned"; readonly outcome: "retry"; readonly seconds: number | undefined }
  | { readonly how: "returned"; readonly outcome: "release" | "deadLetter" };

interface Events {
  // ── What is asked of a consumer, and what it answers. ──
  made: { readonly consumer: number; readonly facts: ConsumerFacts };
  startCalled: { readonly consumer: number };
  startResolved: { readonly consumer: number };
  startFailed: { readonly consumer: number; readonly error: string };
  stopCalled: { readonly consumer: number; readonly deadlineMs: number };
  /** `timers`: those of the consumer that are still set. */
  stopResolved: {
    readonly consumer: number;
    readonly timers: number;
    readonly inHand: number;
    /** Deliveries, as its report has it: finished, released and abandoned together. */
    readonly reported: number;
  };
  paused: { readonly consumer: number };
  resumed: { readonly consumer: number };
  /** The process is gone: it calls no more. */
  crashed: { readonly consumer: number };
  /** Its event loop stands still. */
  blocked: { readonly consumer: number; readonly forMs: number };
  /** Its limit was asked: how many messages open polls may bring; 0 when it failed. */
  limitAnswered: { readonly consumer: number; readonly allowed: number };
  /** What it said of itself when it was looked at. */
  health: { readonly consumer: number; readonly status: string };
  /** A few minutes after everything was drained. */
  idle: {
    readonly consumer: number;
    readonly status: string;
    readonly reason: string | undefined;
    readonly inHand: number;
    readonly openPolls: number;
  };

  // ── The wire. `who`: a consumer's number, or "producer". ──
  request: {
    readonly call: number;
    readonly who: number | "producer";
    readonly operation: SqsOperation;
    readonly about: readonly AboutDelivery[];
    /** Messages that a receive asks for. */
    readonly wanted: number;
    readonly waitSeconds: number;
    readonly visibilitySeconds: number;
    readonly attempt: string | undefined;
    readonly fault: FaultKind | undefined;
  };
  /** The caller gave the call up. */
  aborted: { readonly call: number };
  /** SQS has done what the call asks. */
  applied: {
    readonly call: number;
    readonly done: readonly AboutDelivery[];
    readonly refused: readonly AboutDelivery[];
    readonly handedOut: readonly HandedOut[];
    readonly takenIn: readonly TakenIn[];
  };
  /** The caller has its answer; late when it had given the call up before. */
  answered: {
    readonly call: number;
    readonly error: string | undefined;
    readonly late: boolean;
    readonly entries: readonly EntryAnswer[];
    readonly brought: readonly HandedOut[];
  };

  // ── Handlers. ──
  handlerStarted: {
    readonly run: number;
    readonly consumer: number;
    readonly delivery: number;
    readonly behaviour: string;
    /** The same for all that are handled in one batch; undefined: alone. */
    readonly batch: number | undefined;
  };
  handlerAborted: { readonly run: number; readonly code: string };
  handlerEnded: { readonly run: number; readonly end: RunEnd };

  // ── The producer's side. ──
  sendCalled: { readonly job: number; readonly lane: string | undefined };
  sendResolved: { readonly job: number; readonly messageId: string };
  sendFailed: { readonly job: number; readonly error: string };

  // ── The run. ──
  faultsEnded: { readonly calls: number };
  /** Something escaped that nobody caught. */
  escaped: { readonly error: string };
  ended: {
    readonly visible: number;
    readonly inFlight: number;
    readonly delayed: number;
    /** Ids of the messages in the dead-letter queue that SQS itself moved there. */
    readonly deadLettered: readonly string[];
    /** Timers of consumers and the producer that are set though everything was stopped. */
    readonly timers: number;
    readonly undrained: string | undefined;
  };
}

export type EntryType = keyof Events;
/** An entry of the log, at a time of the simulation. */
export type Entry = {
  [Type in EntryType]: { readonly type: Type; readonly atMs: number } & Events[Type];
}[EntryType];

/** The entries, in the order in which things happened. */
export class Log {
  readonly entries: Entry[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  add<Type extends EntryType>(type: Type, event: Events[Type]): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a spread of a generic is no member of the union to the compiler
    this.entries.push({ type, atMs: this.#nowMs(), ...event } as Entry);
  }
}
