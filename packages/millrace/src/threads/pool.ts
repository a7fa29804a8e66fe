/**
 * Owns a set of worker threads: gives each task to the one that has least to do, has tasks wait while all
 * are full, and starts another thread where one was lost. It is used once; what starts again makes another.
 */
import type { Timer } from "../clock.ts";
import type { HandlerContext } from "../consumer/handler-call.ts";
import type { Logger } from "../consumer/logger.ts";
import { contained, defaultLogger } from "../consumer/logger.ts";
import type { Message } from "../consumer/message.ts";
import { toError } from "../errors.ts";
import { HandlerModuleError, WorkerThreadLostError } from "./errors.ts";
import type { ThreadsSettings } from "./options.ts";
import { Task } from "./task.ts";
import type { TaskHolder } from "./task.ts";
import { Thread } from "./thread.ts";
import type { ThreadLoss } from "./thread.ts";

/**
 * A thread's place: when it is lost, another takes it. With neither a thread nor a retry it is vacant: it
 * is filled when somebody needs threads again.
 */
interface Place {
  /** From 1. */
  readonly number: number;
  thread: Thread | undefined;
  /** Threads lost here, one after the other, that never brought a task to its end. */
  failures: number;
  /** Set while the next thread is waited for. */
  retry: Timer | undefined;
}

/** One who waits for all threads to be ready. */
interface Starter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** How long a place stays empty after the second thread in a row that was of no use; it doubles. */
const firstRetryMs = 100;
const maxRetryMs = 20_000;

export class ThreadPool implements TaskHolder {
  readonly #settings: ThreadsSettings;
  readonly #places: readonly Place[];
  /** Tasks that no thread has room for, in the order in which they came. */
  readonly #waiting = new Set<Task>();
  readonly #starters = new Set<Starter>();
  /** The last task's: for what is to be said of the threads themselves. */
  #logger: Logger = defaultLogger;
  #ended = false;
  /** Written where a place is left vacant, and where all are filled. */
  #anyVacant = false;

  constructor(settings: ThreadsSettings) {
    this.#settings = settings;
    this.#places = Array.from({ length: settings.threads }, (_, index) => ({
      number: index + 1,
      thread: undefined,
      failures: 0,
      retry: undefined,
    }));
    for (const place of this.#places) this.#fill(place);
  }

  /**
   * Resolves when every place has a thread that is ready.
   *
   * @throws HandlerModuleError as soon as a thread is lost that no task was ever given to; the signal's
   * reason when it aborts first.
   */
  ready(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const done = (): void => {
        this.#starters.delete(starter);
        signal?.removeEventListener("abort", onAbort);
      };
      const starter: Starter = {
        resolve: () => {
          done();
          resolve();
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      };
      const onAbort = (): void => starter.reject(signal?.reason);
      signal?.addEventListener("abort", onAbort);
      this.#starters.add(starter);
      this.#fillVacant();
      this.#resolveStarters();
    });
  }

  /** Runs the handler in a thread, as soon as one has room, and answers as it does. */
  run(message: Message<unknown>, context: HandlerContext): Promise<unknown> {
    this.#logger = context.logger;
    const { signal } = context;
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const task = new Task(message, context, this, { resolve, reject });
      const thread = this.#waiting.size === 0 ? this.#withRoom() : undefined;
      if (thread === undefined) this.#waiting.add(task);
      else thread.run(task);
      this.#fillVacant();
    });
  }

  /** A task that waits is told to end. */
  taskAborted(task: Task): void {
    this.#waiting.delete(task);
    task.reject(task.abortReason);
  }

  /** Ends all threads, and whatever still runs or waits. Resolves when they are gone, within a second. */
  async end(): Promise<void> {
    this.#ended = true;
    const stopped = "the threads were stopped";
    for (const starter of this.#starters) {
      starter.reject(new HandlerModuleError(this.#settings.moduleUrl, stopped));
    }
    this.#rejectWaiting(new WorkerThreadLostError("stopped", `${stopped} while a task waited`));
    for (const place of this.#places) place.retry?.cancel();
    await Promise.all(this.#places.map(async ({ thread }) => thread?.stop()));
  }

  /** Whether there is anything for threads to do, or somebody waits for them to be there. */
  get #needed(): boolean {
    if (this.#waiting.size > 0 || this.#starters.size > 0) return true;
    return this.#places.some(({ thread }) => thread !== undefined && thread.load > 0);
  }

  #fillVacant(): void {
    if (!this.#anyVacant) return;
    this.#anyVacant = false;
    for (const place of this.#places) {
      if (place.thread === undefined && place.retry === undefined) this.#fill(place);
    }
  }

  #fill(place: Place): void {
    const { number } = place;
    try {
      place.thread = new Thread({
        number,
        settings: this.#settings,
        logger: () => this.#logger,
        onReady: () => {
          this.#assign();
          this.#resolveStarters();
        },
        onRoom: () => this.#assign(),
        onGone: (loss) => this.#lost(place, loss),
      });
    } catch (error) {
      // Node has refused to make a thread. Deferred, since nobody waits for anything yet.
      const loss: ThreadLoss = { reason: "crashed", what: toError(error).message, cause: error };
      place.retry = this.#settings.clock.setTimer(() => this.#lost(place, loss), 0);
    }
  }

  #lost(place: Place, loss: ThreadLoss): void {
    const { thread, number } = place;
    place.thread = undefined;
    place.retry = undefined;
    if (this.#ended) return;
    if (thread?.used !== true) this.#failStart(loss);
    const data = loss.cause === undefined ? {} : { error: loss.cause };
    const text = `worker thread ${number} was lost, and is replaced: ${loss.what}`;
    contained(this.#logger).warn(text, data);
    place.failures = thread?.answered === true ? 0 : place.failures + 1;
    const delayMs = retryDelayMs(place.failures);
    if (delayMs === 0) this.#fill(place);
    else place.retry = this.#settings.clock.setTimer(() => this.#retry(place), delayMs);
  }

  /** Where nobody needs threads, those that die would be made for ever, and keep the process alive. */
  #retry(place: Place): void {
    place.retry = undefined;
    if (this.#needed) this.#fill(place);
    else this.#anyVacant = true;
  }

  /** A thread was lost before it was of any use, so the next one may well be, too. */
  #failStart({ what, cause }: ThreadLoss): void {
    const options = cause === undefined ? undefined : { cause };
    const error = new HandlerModuleError(this.#settings.moduleUrl, what, options);
    for (const starter of this.#starters) starter.reject(error);
    // While another thread lives they wait for that one. Else they are better off in some other process.
    if (!this.#places.some(({ thread }) => thread?.state === "ready")) this.#rejectWaiting(error);
  }

  #rejectWaiting(error: Error): void {
    for (const task of this.#waiting) task.reject(error);
    this.#waiting.clear();
  }

  #resolveStarters(): void {
    if (!this.#places.every(({ thread }) => thread?.state === "ready")) return;
    for (const starter of this.#starters) starter.resolve();
  }

  /** Gives tasks that wait to threads that have room. */
  #assign(): void {
    for (const task of this.#waiting) {
      const thread = this.#withRoom();
      if (thread === undefined) return;
      this.#waiting.delete(task);
      thread.run(task);
    }
  }

  /** Of the threads that have room the one that has least to do. */
  #withRoom(): Thread | undefined {
    let found: Thread | undefined;
    let least = this.#settings.tasksPerThread;
    for (const { thread } of this.#places) {
      if (thread?.state !== "ready" || thread.load >= least) continue;
      found = thread;
      least = thread.load;
    }
    return found;
  }
}

/** 0 after the first failure: the thread may have been lost of one bad task. */
function retryDelayMs(failures: number): number {
  return failures <= 1 ? 0 : Math.min(firstRetryMs * 2 ** (failures - 2), maxRetryMs);
}
