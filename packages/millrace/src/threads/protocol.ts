/**
 * Owns what the main thread and a worker thread say to one another, message by message. It holds types
 * alone.
 *
 *     main                                        thread
 *      │ ◀── ready | loadFailed ───────────────────┤  once, when the module is loaded
 *      ├── run ──────────────────────────────────▶ │  a task; several may be under way
 *      │ ◀── log ──────────────────────────────────┤  whenever the handler logs
 *      ├── abort ────────────────────────────────▶ │  only when the task's signal aborts …
 *      │ ◀── heard ────────────────────────────────┤  … which the thread's event loop confirms
 *      │ ◀── returned | gaveOutcome | threw ───────┤  the task's one end
 *
 * Each is told apart by `millrace`, a key that what user code posts to its parent will not have.
 */
import type { Outcome } from "../consumer/outcome.ts";
import type { PackedMessage } from "./message-transfer.ts";
import type { Packed } from "./value-transfer.ts";

/** The `workerData` of a thread. */
export interface ThreadData {
  readonly moduleUrl: string;
  readonly exportName: string;
}

export type ToThread =
  | {
      readonly millrace: "run";
      readonly id: number;
      readonly worker: number;
      readonly message: PackedMessage;
    }
  | { readonly millrace: "abort"; readonly id: number; readonly reason: Packed };

/** How a task ended. */
export type TaskEnd =
  | { readonly millrace: "returned"; readonly id: number; readonly value?: unknown }
  | { readonly millrace: "gaveOutcome"; readonly id: number; readonly outcome: Outcome }
  | { readonly millrace: "threw"; readonly id: number; readonly thrown: Packed };

/** A line that the handler logged. */
export interface LogLine {
  readonly millrace: "log";
  readonly id: number;
  readonly level: LogLevel;
  readonly text: string;
  readonly data?: Packed;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

export type FromThread =
  | { readonly millrace: "ready" }
  | { readonly millrace: "loadFailed"; readonly why: string; readonly thrown: Packed | undefined }
  | { readonly millrace: "heard"; readonly id: number }
  | LogLine
  | TaskEnd;
