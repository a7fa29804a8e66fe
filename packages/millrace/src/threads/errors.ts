/**
 * Owns the errors of worker threads, as handlers' callers and consumers get them. It never decides what
 * follows from one.
 */
import { MillraceError } from "../errors.ts";

/**
 * Why a thread was lost.
 *
 * | reason | what happened |
 * |---|---|
 * | exited | the thread ended by itself: `process.exit()` |
 * | crashed | an error that nothing caught, or a rejection that nothing handled |
 * | outOfMemory | its heap reached `resourceLimits` |
 * | blocked | a task was told to end, and the thread's event loop did not even hear of it: it was ended |
 * | ignoredAbort | a task was told to end and did not: its thread was ended |
 * | stopped | the threads were stopped while tasks ran in them or waited |
 */
export type ThreadLossReason =
  | "exited"
  | "crashed"
  | "outOfMemory"
  | "blocked"
  | "ignoredAbort"
  | "stopped";

/**
 * The worker thread that ran a task is gone, and the task with it: its message is to be retried. Its
 * `cause` is the reason of the task's own abort, if it was told to end, else the error that the thread
 * died of.
 */
export class WorkerThreadLostError extends MillraceError {
  readonly code = "WORKER_THREAD_LOST";
  readonly reason: ThreadLossReason;

  constructor(reason: ThreadLossReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The handler's module cannot run in a worker thread: it was not found, threw while it was loaded, has no
 * such export, or did not come to the end of its loading.
 */
export class HandlerModuleError extends MillraceError {
  readonly code = "HANDLER_MODULE_FAILED";
  readonly moduleUrl: string;

  constructor(moduleUrl: string, why: string, options?: ErrorOptions) {
    super(`the handler module ${moduleUrl} cannot run in a worker thread: ${why}`, options);
    this.moduleUrl = moduleUrl;
  }
}

/** A message holds what cannot be copied to another thread, such as a function that a schema put into its body. */
export class MessageTransferError extends MillraceError {
  readonly code = "MESSAGE_NOT_TRANSFERABLE";
  readonly messageId: string;

  constructor(messageId: string, options: ErrorOptions & { readonly cause: Error }) {
    super(
      `message ${messageId} cannot be copied to a worker thread: ${options.cause.message}`,
      options,
    );
    this.messageId = messageId;
  }
}
