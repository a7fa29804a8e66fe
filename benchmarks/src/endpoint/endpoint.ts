/**
 * Owns the suite's side of the counting endpoint: its process, and questions to it. It never measures peers.
 */
import { Child } from "../child.ts";
import type { EndpointReading, Question, QueueOptions, Reply } from "./protocol.ts";

/** What happened at the endpoint between two readings. */
export interface EndpointWork {
  readonly tookMs: number;
  /** The endpoint's CPU time as a share of one core. Near 1 it would hold its clients up. */
  readonly cpuShare: number;
  readonly requests: number;
  readonly handedOut: number;
  readonly deleted: number;
  readonly sent: number;
  readonly leasesLost: number;
  readonly outlasted: number;
  /** Long polls that were open, on average. */
  readonly openPolls: number;
}

type Asked<A extends Question["ask"]> = Omit<Extract<Question, { ask: A }>, "id">;

export class Endpoint implements AsyncDisposable {
  readonly #child: Child<Reply>;
  readonly #answers = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  /** Rejects when its process ends without being asked to; never resolves. */
  get failed(): Promise<never> {
    return this.#child.failed;
  }

  private constructor(onListening: () => void) {
    this.#child = new Child<Reply>({
      name: "the counting endpoint",
      module: new URL("process.js", import.meta.url),
      onSaid: (reply) => {
        if (reply.reply === "listening") {
          onListening();
          return;
        }
        this.#answers.get(reply.id)?.(reply);
        this.#answers.delete(reply.id);
      },
    });
  }

  static start(): Promise<Endpoint> {
    return new Promise((resolve, reject) => {
      const endpoint = new Endpoint(() => resolve(endpoint));
      endpoint.failed.catch(reject);
    });
  }

  /** Opens queues; answers their URLs. */
  async open(queues: readonly QueueOptions[]): Promise<readonly string[]> {
    const reply = await this.#ask({ ask: "open", queues });
    return reply.reply === "opened" ? reply.urls : [];
  }

  async read(urls: readonly string[]): Promise<EndpointReading> {
    const reply = await this.#ask({ ask: "read", urls });
    if (reply.reply !== "reading") throw new Error(`the endpoint answered ${reply.reply}`);
    return reply.reading;
  }

  async close(urls: readonly string[]): Promise<void> {
    await this.#ask({ ask: "close", urls });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child.end();
  }

  #ask(question: Asked<"open"> | Asked<"read"> | Asked<"close">): Promise<Reply> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<Reply>((resolve) => this.#answers.set(id, resolve));
    this.#child.tell({ ...question, id });
    return Promise.race([answer, this.failed]);
  }
}

/** The difference of two readings, of all queues in them together. */
export function workBetween(first: EndpointReading, last: EndpointReading): EndpointWork {
  const tookMs = last.atMs - first.atMs;
  const total = (of: (counts: EndpointReading["queues"][string]) => number): number =>
    sum(Object.values(last.queues).map(of)) - sum(Object.values(first.queues).map(of));
  return {
    tookMs,
    cpuShare: (last.cpuUs - first.cpuUs) / 1_000 / tookMs,
    requests: total(({ requests }) => sum(Object.values(requests))),
    handedOut: total(({ handedOut }) => handedOut),
    deleted: total(({ deleted }) => deleted),
    sent: total(({ sent }) => sent),
    leasesLost: total(({ leasesLost }) => leasesLost),
    outlasted: total(({ outlasted }) => outlasted),
    openPolls: total(({ openPollMs }) => openPollMs) / tookMs,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
