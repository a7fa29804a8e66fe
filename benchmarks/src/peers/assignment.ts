/**
 * Owns what the suite and a peer's process say to each other. It holds no code.
 */
import type { WorkSpec } from "../work/work.ts";
import type { PeerName } from "./catalogue.ts";

/** What a peer's process is to do; handed to it as JSON. */
export interface Assignment {
  readonly peer: PeerName;
  readonly origin: string;
  readonly queueUrls: readonly string[];
  /** Handlers at once, or callers of a producer. */
  readonly slots: number;
  /** Consumers or loops of those peers that take ten messages at a time, for each queue. */
  readonly loops: number;
  /** Messages a batch, of peers whose batches can be larger than a receive. */
  readonly batchSize: number;
  readonly work: WorkSpec;
  /** Messages are counted from the first on, time from when the peer has started. */
  readonly warmUp: Span;
  /** What is measured, in messages or time since the warm-up; several: a reading at each. Undefined: it runs until it is ended. */
  readonly measure: Span | readonly Span[] | undefined;
}

/**
 * So much time, so many messages, or so much of the process's CPU time: where a peer computes all the time, the
 * last is the same amount of work whatever else the machine does.
 */
export type Span =
  | { readonly ms: number }
  | { readonly messages: number }
  | { readonly cpuMs: number };

/** The peer's process at one moment, counted from the end of its warm-up. */
export interface PeerReading {
  readonly messages: number;
  readonly wallMs: number;
  /** CPU time of the process, all its threads and the collection of garbage included. */
  readonly cpuUs: number;
  /** The largest resident set of the process so far, its start included. */
  readonly peakRssBytes: number;
  /** What is in use of the heap after a collection; only where the process was started with --expose-gc. */
  readonly heapBytes: number | undefined;
  /** What the work itself has to say. */
  readonly work: Readonly<Record<string, number>>;
}

export type PeerSaid =
  /** It consumes, or sends. */
  | { readonly said: "ready" }
  /** The warm-up is over. */
  | { readonly said: "begin" }
  | { readonly said: "reading"; readonly reading: PeerReading };
