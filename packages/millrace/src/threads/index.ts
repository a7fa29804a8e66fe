/**
 * The public API of "millrace/threads": handlers that run in worker threads. It holds no code.
 */
export { HandlerModuleError, MessageTransferError, WorkerThreadLostError } from "./errors.ts";
export type { ThreadLossReason } from "./errors.ts";
export { inThreads } from "./in-threads.ts";
export type { ThreadsHandler } from "./in-threads.ts";
export type { InThreadsOptions } from "./options.ts";
