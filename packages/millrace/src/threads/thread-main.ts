/**
 * Owns what runs in a worker thread: it loads the handler's module, calls the handler for each task, and
 * tells how that ended. It never ends the thread; the main thread does.
 */
import { workerData } from "node:worker_threads";
import { isOutcome } from "../consumer/outcome.ts";
import type { Handler, HandlerContext } from "../consumer/handler-call.ts";
import type { Logger } from "../consumer/logger.ts";
import { describe, toError } from "../errors.ts";
import { unpackMessage } from "./message-transfer.ts";
import type { FromThread, LogLevel, TaskEnd, ThreadData, ToThread } from "./protocol.ts";
import { pack, packFields, unpack } from "./value-transfer.ts";

/** A call of the handler that is under way. */
class Call {
  readonly id: number;
  readonly context: HandlerContext;
  #abort: AbortController | undefined;
  #reason: unknown;
  #aborted = false;

  constructor(id: number, worker: number) {
    this.id = id;
    const signal = (): AbortSignal => this.#signal();
    // Both made when first asked for: many handlers never ask. Properties of their own, so that a context
    // that is spread into another has them too.
    this.context = {
      get signal() {
        return signal();
      },
      worker,
      get logger() {
        return loggerOf(id);
      },
    };
  }

  /** Why it was told to end; undefined while it was not. */
  get reason(): unknown {
    return this.#reason;
  }

  abort(reason: unknown): void {
    this.#reason = reason;
    this.#aborted = true;
    this.#abort?.abort(reason);
  }

  #signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }
}

const calls = new Map<number, Call>();

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- set by thread.ts, from the same type
const { moduleUrl, exportName, port } = workerData as ThreadData;
// The handler's module can read what is there, and this is not for it.
Reflect.deleteProperty(workerData, "port");
const handler = await load();
if (handler !== undefined) {
  port.on("message", (message: ToThread) => receive(handler, message));
  // What cannot be read is some task, and nobody knows which: all of them are lost with the thread.
  port.on("messageerror", (error) => {
    throw error;
  });
  post({ what: "ready" });
}

/** Undefined when there is none; that has been told. */
async function load(): Promise<Handler<unknown> | undefined> {
  let loaded: Record<string, unknown>;
  try {
    loaded = await import(moduleUrl);
  } catch (thrown) {
    post({ what: "loadFailed", why: whyNotLoaded(thrown), thrown: pack(thrown) });
    return undefined;
  }
  const found = exportOf(loaded);
  if (isHandler(found)) return found;
  const names = Object.keys(loaded).map((name) => describe(name));
  const why =
    found === undefined
      ? `it has no export ${describe(exportName)}, but ${names.join(", ") || "none at all"}`
      : `its export ${describe(exportName)} is no function, but ${describe(found)}`;
  post({ what: "loadFailed", why, thrown: undefined });
  return undefined;
}

/**
 * The export that is to be the handler. Of what a compiler has made of an ES module for CommonJS, the default is in
 * `exports.default`, where Node does not look.
 */
function exportOf(loaded: Record<string, unknown>): unknown {
  const found = loaded[exportName];
  const compiled = exportName === "default" && loaded["__esModule"] === true;
  return compiled && typeof found === "object" && found !== null
    ? Reflect.get(found, "default")
    : found;
}

function whyNotLoaded(thrown: unknown): string {
  const error = toError(thrown);
  if ("code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION") {
    const built = "only Node 22.18 and newer load TypeScript; older ones need what is built of it";
    return `${error.message} (${built})`;
  }
  return error.message;
}

function isHandler(value: unknown): value is Handler<unknown> {
  return typeof value === "function";
}

function receive(handle: Handler<unknown>, message: ToThread): void {
  const { id } = message;
  if (message.what === "run") {
    const call = new Call(id, message.worker);
    calls.set(id, call);
    void run(handle, call, message).then(finish);
  } else {
    const call = calls.get(id);
    if (call === undefined) return;
    post({ what: "heard", id });
    call.abort(unpack(message.reason));
  }
}

/** Never rejects. */
async function run(
  handle: Handler<unknown>,
  call: Call,
  { id, message }: ToThread & { readonly what: "run" },
): Promise<TaskEnd> {
  try {
    const value = await handle(unpackMessage(message), call.context);
    if (!isOutcome(value)) return { what: "returned", id, value };
    // Its fields alone: what marks it as an outcome is a symbol, which is not copied.
    const outcome = { ...value };
    return { what: "gaveOutcome", id, outcome };
  } catch (thrown) {
    return { what: "threw", id, thrown: pack(thrown, call.reason) };
  }
}

function finish(end: TaskEnd): void {
  calls.delete(end.id);
  try {
    post(end);
  } catch (error) {
    // The value cannot be copied. The handler has resolved all the same: its message is done. Of an outcome
    // that cannot be read nobody may say so.
    const { id } = end;
    if (end.what === "returned") post({ what: "returned", id });
    else post({ what: "threw", id, thrown: pack(error) });
  }
}

/** Sends each line to the consumer's logger, in the main thread. */
function loggerOf(id: number): Logger {
  const level =
    (name: LogLevel) =>
    (message: string, data?: unknown): void => {
      const text = typeof message === "string" ? message : describe(message);
      const fields = data === undefined || data === null ? {} : { data: packFields(data) };
      post({ what: "log", id, level: name, text, ...fields });
    };
  return {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
}

function post(message: FromThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window: it has no origin
  port.postMessage(message);
}
