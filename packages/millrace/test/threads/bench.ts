/**
 * Owns what tests of worker threads stand on: handlers in real threads, messages and contexts for them, and
 * the check that no thread is left. It never waits for time.
 */
import { BroadcastChannel } from "node:worker_threads";
import type { HandlerContext, Logger, Message } from "millrace";
import { inThreads } from "millrace/threads";
import type { InThreadsOptions, ThreadsHandler } from "millrace/threads";
import { expect, onTestFinished } from "vitest";

export const handlers = new URL("./fixtures/handlers.mjs", import.meta.url);
export const outcomes = new URL("./fixtures/outcomes.mjs", import.meta.url);

/** A handler in threads. It ends with the test, and leaves no thread. */
export function threadsOf(
  name: string,
  options: InThreadsOptions = {},
  url: string | URL = handlers,
): ThreadsHandler {
  const before = liveThreads();
  const handle = inThreads(url, { export: name, threads: 1, ...options });
  onTestFinished(async () => {
    await handle.stop();
    expect(liveThreads(), "threads that are left").toBeLessThanOrEqual(before);
  });
  return handle;
}

/** How many worker threads this process has, as Node itself counts them. */
export function liveThreads(): number {
  const report = process.report?.getReport() as { readonly workers?: readonly unknown[] };
  return report.workers?.length ?? 0;
}

let lastId = 0;

export function message(body: unknown, rest: Partial<Message<unknown>> = {}): Message<unknown> {
  return Object.freeze({
    id: `m${++lastId}`,
    body,
    rawBody: typeof body === "string" ? body : "{}",
    attributes: Object.freeze({}),
    receiveCount: 1,
    sentAt: new Date(1_700_000_000_000),
    queueUrl: "http://127.0.0.1:9324/000000000000/jobs",
    ...rest,
  });
}

export interface Logged {
  readonly level: string;
  readonly message: string;
  readonly data: unknown;
}

/** A context like a consumer's; what is logged through it lands in `logged`. */
export function context(
  signal: AbortSignal = new AbortController().signal,
  logged: Logged[] = [],
): HandlerContext {
  const level =
    (name: string) =>
    (text: string, data?: object): void => {
      logged.push({ level: name, message: text, data });
    };
  const logger: Logger = {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
  return { signal, worker: 3, logger };
}

/** Resolves when a handler says that it runs, for a message whose id is `id`. */
export function heardOf(id: string): Promise<void> {
  const channel = new BroadcastChannel("handlers");
  return new Promise((resolve) => {
    channel.addEventListener("message", (event: unknown) => {
      if ((event as { readonly data: { readonly id: string } }).data.id !== id) return;
      channel.close();
      resolve();
    });
  });
}

/** What a promise rejects with. */
export function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.unreachable(`it resolved with ${String(value)}`),
    (error: unknown) => error,
  );
}
