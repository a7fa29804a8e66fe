/**
 * Owns one measurement: opens the queues, forks the peer, and takes readings of both at the same moments. It
 * leaves nothing behind, whatever happens.
 */
import type { Database } from "./database.ts";
import { Child } from "./child.ts";
import { workBetween } from "./endpoint/endpoint.ts";
import type { Endpoint, EndpointWork } from "./endpoint/endpoint.ts";
import type { EndpointReading, QueueOptions } from "./endpoint/protocol.ts";
import type { Assignment, PeerReading, PeerSaid } from "./peers/assignment.ts";
import type { PeerName } from "./peers/catalogue.ts";

/** What a peer is to do, with defaults for most of it. */
export interface Task extends Partial<
  Pick<Assignment, "slots" | "loops" | "batchSize" | "work" | "warmUp" | "measure">
> {
  readonly peer: PeerName;
  /** How many queues. Default 1. */
  readonly queues?: number;
  readonly queue?: Omit<QueueOptions, "name">;
  /** Whether the heap in use is to be known; the process then collects garbage at each reading. */
  readonly heap?: boolean;
}

/** Peer and endpoint, both since the end of the warm-up. */
export interface Observation {
  readonly peer: PeerReading;
  readonly endpoint: EndpointWork;
}

const defaultSlots = 50;

export class Bench {
  readonly endpoint: Endpoint;
  readonly database: Database;
  readonly #signal: AbortSignal;
  readonly #profiles: string | undefined;
  #lastQueue = 0;

  /** @param profiles a directory; given: each peer's process writes a CPU profile there. */
  constructor(endpoint: Endpoint, database: Database, signal: AbortSignal, profiles?: string) {
    this.endpoint = endpoint;
    this.database = database;
    this.#signal = signal;
    this.#profiles = profiles;
  }

  /** Runs a peer and answers an observation for each span that it is to measure. */
  async observe(task: Task): Promise<readonly Observation[]> {
    const wanted = [task.measure ?? []].flat().length;
    const observations: Observation[] = [];
    await using running = await this.#start(task);
    let first: EndpointReading | undefined;
    while (observations.length < wanted) {
      const said = await running.next();
      if (said.said === "begin") first = await this.endpoint.read(running.urls);
      if (said.said !== "reading" || first === undefined) continue;
      const endpoint = workBetween(first, await this.endpoint.read(running.urls));
      observations.push({ peer: said.reading, endpoint });
    }
    return observations;
  }

  /** Runs several peers side by side, and answers what each did at the endpoint in a window of time. */
  async observeTogether(
    tasks: readonly Task[],
    settleMs: number,
    windowMs: number,
  ): Promise<readonly EndpointWork[]> {
    const all: Running[] = [];
    try {
      for (const task of tasks) all.push(await this.#start({ ...task, measure: [] }));
      for (const running of all) while ((await running.next()).said !== "ready");
      await this.pause(settleMs);
      const before = await Promise.all(all.map(({ urls }) => this.endpoint.read(urls)));
      await Promise.race([this.pause(windowMs), ...all.map(({ failed }) => failed)]);
      return await Promise.all(
        before.map(async (reading) =>
          workBetween(reading, await this.endpoint.read(Object.keys(reading.queues))),
        ),
      );
    } finally {
      await Promise.all(all.map((running) => running[Symbol.asyncDispose]()));
    }
  }

  /**
   * Runs a peer for so long from when it says that it is ready, and answers what it did at the endpoint from its
   * start on: what it was handed before it could say so counts.
   */
  async observeFromStart(task: Task, windowMs: number): Promise<EndpointWork> {
    await using running = await this.#start({ ...task, measure: [] });
    const before = await this.endpoint.read(running.urls);
    while ((await running.next()).said !== "ready");
    await Promise.race([this.pause(windowMs), running.failed]);
    return workBetween(before, await this.endpoint.read(running.urls));
  }

  /** @throws the signal's reason. */
  pause(ms: number): Promise<void> {
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  async #start(task: Task): Promise<Running> {
    this.#signal.throwIfAborted();
    const { peer, queues = 1, queue = { messages: "deep" }, heap = false } = task;
    const options = Array.from({ length: queues }, () => {
      this.#lastQueue += 1;
      return { ...queue, name: `${peer}-${this.#lastQueue}` };
    });
    const urls = await this.endpoint.open(options);
    const slots = task.slots ?? defaultSlots;
    const [url] = urls;
    const assignment: Assignment = {
      peer,
      origin: new URL(url ?? "").origin,
      queueUrls: urls,
      slots,
      loops: task.loops ?? Math.max(1, Math.ceil(slots / 10)),
      batchSize: task.batchSize ?? 10,
      work: task.work ?? { kind: "nothing" },
      warmUp: task.warmUp ?? { ms: 0 },
      measure: task.measure,
    };
    const nodeArgs = [
      ...(heap ? ["--expose-gc"] : []),
      ...(this.#profiles === undefined
        ? []
        : [
            "--cpu-prof",
            `--cpu-prof-dir=${this.#profiles}`,
            `--cpu-prof-name=${profileName(options)}`,
          ]),
    ];
    return new Running(assignment, this.endpoint, nodeArgs, this.#signal);
  }
}

/** A peer's process and its queues. */
class Running implements AsyncDisposable {
  readonly urls: readonly string[];
  /** Rejects when the peer or the endpoint ends without being asked to; never resolves. */
  readonly failed: Promise<never>;
  readonly #child: Child<PeerSaid>;
  readonly #profiled: boolean;
  readonly #endpoint: Endpoint;
  readonly #signal: AbortSignal;
  /** Said and not yet asked for. */
  readonly #said: PeerSaid[] = [];
  /** Ends the wait of {@link Running.next}, which then looks again. */
  #wake: (() => void) | undefined;
  readonly #onAbort = (): void => this.#wake?.();

  constructor(
    assignment: Assignment,
    endpoint: Endpoint,
    nodeArgs: readonly string[],
    signal: AbortSignal,
  ) {
    this.urls = assignment.queueUrls;
    this.#profiled = nodeArgs.includes("--cpu-prof");
    this.#endpoint = endpoint;
    this.#signal = signal;
    this.#child = new Child<PeerSaid>({
      name: assignment.peer,
      module: new URL("peers/process.js", import.meta.url),
      args: [JSON.stringify(assignment)],
      nodeArgs,
      onSaid: (said) => {
        this.#said.push(said);
        this.#wake?.();
      },
    });
    // The endpoint's end comes first: it is what peers fail of.
    this.failed = Promise.race([endpoint.failed, this.#child.failed]);
    this.failed.catch(() => {});
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** What the peer says next. @throws when its process has ended, or the endpoint's. */
  async next(): Promise<PeerSaid> {
    for (;;) {
      this.#signal.throwIfAborted();
      const said = this.#said.shift();
      if (said !== undefined) return said;
      const came = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([came, this.failed]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    await (this.#profiled ? this.#child.leave() : this.#child.end());
    await this.#endpoint.close(this.urls);
  }
}

/** After the peer's first queue, which no two processes share. */
function profileName([queue]: readonly QueueOptions[]): string {
  return `${queue?.name ?? "peer"}.cpuprofile`;
}
