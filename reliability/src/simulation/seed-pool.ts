/**
 * Owns the threads that run seeds, and sees to it that each seed comes to an end. It never judges and never
 * prints.
 */
import { Worker } from "node:worker_threads";
import type { PromiseName } from "./checker/rule.ts";
import type { QueueKind } from "./scenario.ts";
import type { SeedNews, SeedOrder } from "./seed-worker.ts";

/** A seed that broke a promise, or did not end. */
export interface FailedSeed {
  readonly seed: number;
  readonly promise: PromiseName | "ends at all";
  readonly text: string;
}

export interface PoolOptions {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
  readonly kinds: readonly [QueueKind, ...QueueKind[]];
  /** Ends at the first seed that fails. */
  readonly untilFailure: boolean;
  /** The thread's program. Default: the one beside this file. */
  readonly worker?: URL | undefined;
  /** Told of each seed that has ended. */
  readonly onSeed?: ((failure: FailedSeed | undefined) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How long a seed may take: a thousand times as long as most do. */
const seedWithinMs = 60_000;
/** Seeds in one order; few, so that all threads end at the same time. */
const orderSize = 25;

/**
 * Runs seeds and answers those that failed, in order.
 *
 * @throws the signal's reason after an abort, and the error of a thread that cannot even begin.
 */
export async function runSeeds(options: PoolOptions): Promise<FailedSeed[]> {
  const { from, count, jobs, untilFailure, kinds, signal, onSeed } = options;
  const url = options.worker ?? new URL("./seed-worker.js", import.meta.url);
  const failures: FailedSeed[] = [];
  let next = from;
  const takeOrder = (): SeedOrder | undefined => {
    if (next >= from + count || (untilFailure && failures.length > 0)) return undefined;
    const order = { from: next, count: Math.min(orderSize, from + count - next), kinds };
    next += order.count;
    return order;
  };
  const ended = (failure: FailedSeed | undefined): void => {
    if (failure !== undefined) failures.push(failure);
    onSeed?.(failure);
  };
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let order = takeOrder(); order !== undefined;) {
        // A mutant may have been planted meanwhile.
        signal?.throwIfAborted();
        order = await runThread(url, order, takeOrder, ended, signal);
      }
    }),
  );
  return failures.toSorted((a, b) => a.seed - b.seed);
}

/** Runs orders in one thread, until there are none; answers what is left of one whose seed ended its thread. */
function runThread(
  url: URL,
  first: SeedOrder,
  takeOrder: () => SeedOrder | undefined,
  ended: (failure: FailedSeed | undefined) => void,
  signal: AbortSignal | undefined,
): Promise<SeedOrder | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { execArgv: [] });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is a window's; this is a thread
    const tell = (next: SeedOrder): void => worker.postMessage(next);
    let order = first;
    let seed = first.from;
    let begun = false;
    let watchdog: NodeJS.Timeout | undefined;
    const end = (settle: () => void): void => {
      clearTimeout(watchdog);
      signal?.removeEventListener("abort", onAbort);
      worker.removeAllListeners();
      void worker.terminate().then(settle, settle);
    };
    const onAbort = (): void => end(() => reject(signal?.reason));
    /** The seed has taken its thread along: another thread does what is left. */
    const broken = (promise: FailedSeed["promise"], text: string): void => {
      ended({ seed, promise, text });
      const left = order.from + order.count - seed - 1;
      end(() => resolve(left > 0 ? { ...order, from: seed + 1, count: left } : takeOrder()));
    };
    const onTooLong = (): void => broken("ends at all", `not within ${seedWithinMs / 1_000} s`);
    signal?.addEventListener("abort", onAbort, { once: true });
    worker.on("error", (error) => {
      // Before the first one it is no seed's fault: the thread itself does not work.
      if (begun) broken("contained", `something was thrown that nobody caught: ${String(error)}`);
      else end(() => reject(error));
    });
    worker.on("message", (news: SeedNews) => {
      clearTimeout(watchdog);
      if (news.type === "begins") {
        ({ seed } = news);
        begun = true;
        watchdog = setTimeout(onTooLong, seedWithinMs);
      } else if (news.type === "ended") {
        const { violation } = news;
        ended(violation && { seed: news.seed, promise: violation.promise, text: violation.text });
      } else {
        const another = takeOrder();
        if (another === undefined) {
          end(() => resolve(undefined));
          return;
        }
        order = another;
        tell(order);
      }
    });
    tell(order);
  });
}
