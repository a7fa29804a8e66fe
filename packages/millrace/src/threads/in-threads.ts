/**
 * Owns what users hold: a handler whose work is done in worker threads, and how many need its threads. It
 * does none of the work; each time the threads start a pool is made that does.
 */
import type { HandlerContext } from "../consumer/handler-call.ts";
import type { ManagedHandler } from "../consumer/handler-lifecycle.ts";
import type { Message } from "../consumer/message.ts";
import { readOptions } from "./options.ts";
import type { InThreadsOptions, ThreadsSettings } from "./options.ts";
import { ThreadPool } from "./pool.ts";

/**
 * A handler that runs in worker threads. A consumer starts its threads when it starts, and ends them at the
 * end of its stop; several may share it, and the threads end with the last one's stop.
 *
 * Who calls it by themselves does as the consumer does: `start()`, and for each of them `stop()`. Without a
 * start, the threads start on first use. Threads that have nothing to do do not keep the process alive.
 */
export interface ThreadsHandler extends ManagedHandler<unknown> {
  /** `threads` × `tasksPerThread`, which is the default `concurrency` of a consumer. */
  readonly maxConcurrency: number;
  readonly takes: "message";
  /**
   * Runs the handler on a message. Resolves with what it returned; undefined when that cannot be copied.
   *
   * @throws what the handler threw, as a copy with its name, message, stack, cause and own fields;
   * WorkerThreadLostError when its thread was lost; HandlerModuleError when there is no thread, since the
   * module does not load; MessageTransferError; the signal's reason when it aborts before a thread has room.
   */
  (message: Message<unknown>, context: HandlerContext): Promise<unknown>;
  /**
   * Resolves when every thread has loaded the module.
   *
   * @throws HandlerModuleError when the module does not load in one of them, or the signal's reason. The
   * threads are gone then, unless another start holds them.
   */
  start(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Takes one start back; with the last one, or when there was none, the threads end, and what still runs
   * in them fails with WorkerThreadLostError. Resolves when they are gone, within a second, far less than a consumer's
   * stop would wait; so does each of several.
   */
  stop(): Promise<void>;
}

/**
 * A handler for a {@link Consumer} that runs an export of the module at `moduleUrl` in worker threads: for work
 * that computes, or that must not take the process with it. The function there is a handler like any other:
 * `(message, { signal, worker, logger }) => …`, and may return `retry()`, `release()` or `deadLetter()`.
 *
 * The message is copied to the thread. Leases are kept by the main thread, so a handler that blocks its own
 * keeps its message. A consumer that is given no `concurrency` hands it as many messages at once as it has room for;
 * what is above that waits for a thread, and its `handlerTimeoutMs` runs meanwhile.
 *
 * A task that does not end within 4 seconds of its signal's abort costs its thread, which is replaced; other
 * tasks of that thread fail with WorkerThreadLostError, and so are retried. The same happens when the thread
 * ends by itself. Nothing but an abort ends a task that blocks for ever: set `handlerTimeoutMs`.
 *
 * @param moduleUrl of a file that this Node can import: JavaScript, or TypeScript from Node 22.18 on.
 * @throws OptionError for the first option that cannot work.
 *
 * @example
 * const consumer = new Consumer({
 *   queue,
 *   handle: inThreads(new URL("./resize.js", import.meta.url), { threads: 4 }),
 *   handlerTimeoutMs: 60_000,
 * });
 */
export function inThreads(moduleUrl: string | URL, options: InThreadsOptions = {}): ThreadsHandler {
  const settings = readOptions(moduleUrl, options);
  const threads = new Threads(settings);
  const handle = (message: Message<unknown>, context: HandlerContext): Promise<unknown> =>
    threads.run(message, context);
  return Object.assign(handle, {
    maxConcurrency: settings.threads * settings.tasksPerThread,
    takes: "message" as const,
    start: ({ signal }: { readonly signal?: AbortSignal | undefined } = {}) =>
      threads.start(signal),
    stop: () => threads.stop(),
  });
}

/** A pool, and how many starts of it no stop has taken back yet. */
interface Held {
  readonly pool: ThreadPool;
  starts: number;
}

class Threads {
  readonly #settings: ThreadsSettings;
  /** Set by the first start or task, unset by the last stop. */
  #held: Held | undefined;
  /** The end of all pools so far, under way or done. */
  #ended: Promise<void> = Promise.resolve();

  constructor(settings: ThreadsSettings) {
    this.#settings = settings;
  }

  run(message: Message<unknown>, context: HandlerContext): Promise<unknown> {
    return this.#hold().pool.run(message, context);
  }

  async start(signal: AbortSignal | undefined): Promise<void> {
    const held = this.#hold();
    held.starts += 1;
    try {
      await held.pool.ready(signal);
    } catch (error) {
      // Of the very pool that it waited for: a stop meanwhile may have ended that, and a start made another.
      await this.#letGo(held);
      throw error;
    }
  }

  async stop(): Promise<void> {
    await (this.#held === undefined ? this.#ended : this.#letGo(this.#held));
  }

  #hold(): Held {
    this.#held ??= { pool: new ThreadPool(this.#settings), starts: 0 };
    return this.#held;
  }

  async #letGo(held: Held): Promise<void> {
    if (held.starts > 0) held.starts -= 1;
    if (held.starts > 0) return;
    if (this.#held === held) this.#held = undefined;
    this.#ended = bothEnd(this.#ended, held.pool.end());
    await this.#ended;
  }
}

async function bothEnd(one: Promise<void>, other: Promise<void>): Promise<void> {
  await one;
  await other;
}
