/**
 * Owns the process that feeds a consumer, as seen from outside. It never knows what becomes of the messages.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { isFeedNews } from "./feed-job.ts";
import type { FeedJob, FeedNews } from "./feed-job.ts";

const program = new URL("./feeding-program.js", import.meta.url);

type Open = Extract<FeedNews, { readonly type: "open" }>;
type Report = Extract<FeedNews, { readonly type: "report" }>;

/** The feeding process ended before it was asked to. */
class FeedEndedError extends Error {
  constructor(options?: ErrorOptions) {
    super("the feeding process has ended", options);
  }
}

export class Feed implements AsyncDisposable {
  readonly endpoint: string;
  readonly queueUrl: string;
  readonly #child: ChildProcess;
  readonly #ended: AbortSignal;

  private constructor(child: ChildProcess, ended: AbortSignal, { endpoint, queueUrl }: Open) {
    this.#child = child;
    this.#ended = ended;
    this.endpoint = endpoint;
    this.queueUrl = queueUrl;
  }

  /**
   * Starts the process; from then on its queue is kept filled.
   *
   * @throws FeedEndedError
   */
  static async start(job: Omit<FeedJob, "type">): Promise<Feed> {
    // The argument is for those who look at a list of processes; Ctrl-C is for this one alone.
    const child = fork(program, [`of-memory-${process.pid}`], { execArgv: [], detached: true });
    const ending = new AbortController();
    child.once("exit", () => ending.abort(new FeedEndedError()));
    child.once("error", (cause) => ending.abort(new FeedEndedError({ cause })));
    child.send({ type: "feed", ...job });
    const [news]: unknown[] = await once(child, "message", { signal: ending.signal });
    if (isFeedNews(news) && news.type === "open") return new Feed(child, ending.signal, news);
    child.kill("SIGKILL");
    throw new TypeError("the feeding process said something else first");
  }

  /** Aborts with a FeedEndedError when the process has ended. */
  get ended(): AbortSignal {
    return this.#ended;
  }

  /** @throws FeedEndedError */
  async report(): Promise<Report> {
    this.#child.send("report");
    const [news]: unknown[] = await once(this.#child, "message", { signal: this.#ended });
    if (isFeedNews(news) && news.type === "report") return news;
    throw new TypeError("the feeding process gave no report");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended.aborted) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }
}
