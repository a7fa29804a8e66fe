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

export class Feed implements AsyncDisposable {
  readonly endpoint: string;
  readonly queueUrl: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { endpoint, queueUrl }: Open) {
    this.#child = child;
    this.endpoint = endpoint;
    this.queueUrl = queueUrl;
  }

  /** Starts the process; from then on its queue is kept filled. */
  static async start(job: Omit<FeedJob, "type">): Promise<Feed> {
    const child = fork(program, [`of-memory-${process.pid}`], { execArgv: [] });
    child.send({ type: "feed", ...job });
    const [news]: unknown[] = await once(child, "message");
    if (isFeedNews(news) && news.type === "open") return new Feed(child, news);
    child.kill("SIGKILL");
    throw new TypeError("the feeding process said something else first");
  }

  async report(): Promise<Report> {
    this.#child.send("report");
    const [news]: unknown[] = await once(this.#child, "message");
    if (isFeedNews(news) && news.type === "report") return news;
    throw new TypeError("the feeding process gave no report");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }
}
