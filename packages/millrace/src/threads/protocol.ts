/**
 * Owns what the main thread and a worker thread say to one another, message by message. It holds types
 * alone.
 *
 * They say it over a channel of their own: the thread's `parentPort` is left to the handler's module, which
 * may post there, listen, or close it.
 *
 *     main                                        thread
 *      │ ◀── ready | loadFailed ───────────────────┤  once, when the module is loaded
 *      ├── run ──────────────────────────────────▶ │  a task; several may be under way
 *      │ ◀── log ──────────────────────────────────┤  whenever the handler logs
 *      ├── abort ────────────────────────────────▶ │  only when the task's signal aborts …
 *      │ ◀── heard ────────────────────────────────┤  … which the thread's event loop confirms
 *      │ ◀── returned | gaveOutcome | threw ───────┤  the task's one end
 */
import type { MessagePort } from "node:worker_threads";
import type { Outcome } from "../consumer/outcome.ts";
import type { PackedMessage } from "./message-transfer.ts";
import type { Packed } from "./value-transfer.ts";

/** The `workerData` of a thread. */
export interface ThreadData {
  readonly moduleUrl: string;
  readonly exportName: string;
  /** The thread's end of the channel. */
  readonly port: MessagePort;
}

export type ToThread =
  | {
      readonly what: "run";
      readonly id: number;
      readonly worker: number;
      readonly message: PackedMessage;
    }
  | { readonly what: "abort"; readonly id: number; readonly reason: Packed };

/** How a task ended. */
export type TaskEnd =
  | { readonly what: "returned"; readonly id: number; readonly value?: unknown }
  | { readonly what: "gaveOutcome"; readonly id: number; readonly outcome: Outcome }
  | { readonly what: "threw"; readonly id: number; readonly thrown: Packed };

/** A line that the handler logged. */
export interface LogLine {
  readonly what: "log";
  readonly id: number;
  readonly level: LogLevel;
  readonly text: string;
  readonly data?: Packed;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

export type FromThread =
  | { readonly what: "ready" }
  | { readonly what: "loadFailed"; readonly why: string; readonly thrown: Packed | undefined }
  | { readonly what: "heard"; readonly id: number }
  | LogLine
  | TaskEnd;
