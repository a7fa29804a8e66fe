/**
 * Owns the shape of a rule: one promise, held against the log. It holds none itself.
 */
import type { Entry } from "../log.ts";
import type { Ledger } from "./ledger.ts";

/** The promises of a consumer and a producer, in a few words each. */
export type PromiseName =
  | "nothing is lost"
  | "deleted only when done"
  | "bounded"
  | "no barrier"
  | "leases hold"
  | "lost leases are told"
  | "outcomes are carried out"
  | "order"
  | "nothing is stranded"
  | "frugal"
  | "calm"
  | "stops clean"
  | "drains"
  | "contained"
  | "the producer keeps its word";

export interface Violation {
  readonly promise: PromiseName;
  readonly atMs: number;
  readonly text: string;
  /** Index of the log's entry at which it was seen. */
  readonly entry: number;
}

export type Report = (promise: PromiseName, text: string) => void;

export interface Rule {
  /** An entry, which the ledger has followed already. */
  readonly see?: (entry: Entry, ledger: Ledger, report: Report) => void;
  /** Nothing more happens at the ledger's time; `nextMs` is when something does. */
  readonly pass?: (ledger: Ledger, nextMs: number, report: Report) => void;
}
