/**
 * Owns the answer to two questions: what does a task cost that goes to a worker thread and back, and how
 * much faster do handlers that compute run in two threads, held against what two bare threads bring on this
 * machine? It never leaves the process: no HTTP, no disk.
 *
 * Rounds of what is compared take turns, and of each the median is taken. The handlers are in this very
 * file, which the threads load as their module.
 */
import { pbkdf2Sync } from "node:crypto";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { cpuUsage, exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { SqsService } from "@millrace/local-sqs";
import { Consumer } from "millrace";
import type { Handler, Message } from "millrace";
import { inThreads } from "millrace/threads";

const help = `Runs handlers in worker threads and in process, side by side, and prints the ratios.

  node benchmarks/dist/threads.js [options]

  --threads <n>   worker threads                            (2)
  --rounds <n>    rounds of each                            (7)
  --tasks <n>     tasks that do nothing, in a round         (20000)
  --messages <n>  messages that take 20 ms of hashing each  (100)
  --json          print JSON
  --help          print this
`;

interface Settings {
  readonly threads: number;
  readonly rounds: number;
  readonly tasks: number;
  readonly messages: number;
}

const self = new URL(import.meta.url);
const inFlight = 32;
/** Tells the floor's threads from those of inThreads. */
const floorThread = "floor";

/** The handler that does nothing. */
export function nothing(): void {}

/** The handler that hashes, as often as the body says. */
export function hash({ body }: Message<unknown>): void {
  pbkdf2Sync("password", "salt", Number(body), 32, "sha256");
}

/** Hashes that take 20 ms here. */
function iterationsOf20Ms(): number {
  const times = Array.from({ length: 9 }, () => {
    const startedAt = performance.now();
    pbkdf2Sync("password", "salt", 20_000, 32, "sha256");
    return performance.now() - startedAt;
  });
  return Math.round((20_000 * 20) / Math.min(...times));
}

interface Cost {
  readonly wallUs: number;
  readonly cpuUs: number;
}

/** What a task costs, `inFlight` at once. CPU time is that of all threads. */
async function costOf(run: () => unknown, tasks: number): Promise<Cost> {
  const cpu = cpuUsage();
  const startedAt = performance.now();
  let left = tasks;
  const loop = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await run();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  const { user, system } = cpuUsage(cpu);
  return {
    wallUs: ((performance.now() - startedAt) * 1_000) / tasks,
    cpuUs: (user + system) / tasks,
  };
}

interface FloorTask {
  readonly id: number;
  readonly body?: string;
  /** Where it is to hash. */
  readonly iterations?: number;
}

/** What worker_threads and nothing else can do. */
class Floor {
  readonly #workers: readonly Worker[];
  readonly #waiting = new Map<number, () => void>();
  #lastId = 0;

  constructor(threads: number) {
    this.#workers = Array.from(
      { length: threads },
      () => new Worker(self, { workerData: floorThread }),
    );
    for (const worker of this.#workers) {
      worker.on("message", (id: number) => {
        this.#waiting.get(id)?.();
        this.#waiting.delete(id);
      });
    }
  }

  /** A message to a thread and its answer: the least that a task can cost. */
  run(body: string): Promise<void> {
    return this.#post(this.#workers[this.#lastId % this.#workers.length], { body });
  }

  /** Hashes of so many iterations a second, each thread having one at a time. */
  async rate(iterations: number, hashes: number): Promise<number> {
    const startedAt = performance.now();
    let left = hashes;
    const loop = async (worker: Worker): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await this.#post(worker, { iterations });
      }
    };
    await Promise.all(this.#workers.map(loop));
    return (hashes * 1_000) / (performance.now() - startedAt);
  }

  #post(worker: Worker | undefined, task: Omit<FloorTask, "id">): Promise<void> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is a window's; this is a thread
      worker?.postMessage({ id, ...task });
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

async function overhead({
  threads,
  rounds,
  tasks,
}: Settings): Promise<{ floor: Cost; ours: Cost }> {
  const body = "x".repeat(1_000);
  const message: Message = {
    id: "c80e8021-a70a-42c7-a470-796e1186f753",
    body,
    rawBody: body,
    attributes: {},
    receiveCount: 1,
    sentAt: new Date(),
    queueUrl: "http://127.0.0.1:9324/000000000000/jobs",
  };
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const handle = inThreads(self, { export: "nothing", threads, tasksPerThread: inFlight });
  await handle.start();
  const floor = new Floor(threads);
  const costs: { floor: Cost[]; ours: Cost[] } = { floor: [], ours: [] };
  // The first rounds are for the compiler.
  for (let round = -2; round < rounds; round += 1) {
    const floorCost = await costOf(() => floor.run(body), tasks);
    const ourCost = await costOf(
      () => handle(message, { signal: new AbortController().signal, worker: 1, logger }),
      tasks,
    );
    if (round < 0) continue;
    costs.floor.push(floorCost);
    costs.ours.push(ourCost);
  }
  await handle.stop();
  await floor.close();
  return { floor: medianCost(costs.floor), ours: medianCost(costs.ours) };
}

/** Messages a second of a consumer with that handler; from the first start of one to the last's end. */
async function rateOf(
  handle: Handler<string>,
  body: string,
  messages: number,
  concurrency: number,
): Promise<number> {
  const sqs = new SqsService();
  const { QueueUrl: queue = "" } = await sqs.call("CreateQueue", { QueueName: "jobs" });
  for (let sent = 0; sent < messages; sent += 1) {
    await sqs.call("SendMessage", { QueueUrl: queue, MessageBody: body });
  }
  const consumer = new Consumer({ queue, sqs, handle, concurrency, prefetch: 20 });
  let startedAt: number | undefined;
  consumer.on("started", () => {
    startedAt ??= performance.now();
  });
  const done = new Promise<void>((resolve) => {
    consumer.on("acknowledged", () => {
      if (consumer.stats().acknowledged === messages) resolve();
    });
  });
  await consumer.start();
  await done;
  const seconds = (performance.now() - (startedAt ?? 0)) / 1_000;
  await consumer.stop();
  sqs.close();
  return messages / seconds;
}

interface Rates {
  /** Messages a second of a consumer. */
  readonly inProcess: number;
  readonly inThreads: number;
  /** Hashes a second without any: in one bare thread, and in all of them. */
  readonly bareThread: number;
  readonly bareThreads: number;
}

/** Of each round, whose parts follow on one another, so that a busy moment of the machine meets them all. */
async function hashing({ threads, rounds, messages }: Settings): Promise<Rates[]> {
  const iterations = iterationsOf20Ms();
  const body = String(iterations);
  const threaded = inThreads(self, { export: "hash", threads });
  const one = new Floor(1);
  const all = new Floor(threads);
  const found: Rates[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const rates = {
      bareThread: await one.rate(iterations, messages),
      bareThreads: await all.rate(iterations, messages),
      inProcess: await rateOf(hash, body, messages, threads),
      inThreads: await rateOf(threaded, body, messages, threads),
    };
    if (round >= 0) found.push(rates);
  }
  await one.close();
  await all.close();
  return found;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function medianCost(costs: readonly Cost[]): Cost {
  return {
    wallUs: median(costs.map(({ wallUs }) => wallUs)),
    cpuUs: median(costs.map(({ cpuUs }) => cpuUs)),
  };
}

/** @throws Error with one line for the user. */
function readSettings(): { settings: Settings; json: boolean } | undefined {
  const { values } = parseArgs({
    options: {
      threads: { type: "string", default: "2" },
      rounds: { type: "string", default: "7" },
      tasks: { type: "string", default: "20000" },
      messages: { type: "string", default: "100" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const count = (name: "threads" | "rounds" | "tasks" | "messages"): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name} must be a positive integer; received ${values[name]}`);
  };
  const settings = {
    threads: count("threads"),
    rounds: count("rounds"),
    tasks: count("tasks"),
    messages: count("messages"),
  };
  return { settings, json: values.json };
}

function text({ wallUs, cpuUs }: Cost): string {
  return `${wallUs.toFixed(1)} µs a task, ${cpuUs.toFixed(1)} µs of CPU`;
}

async function main(): Promise<void> {
  const read = readSettings();
  if (read === undefined) {
    stdout.write(help);
    return;
  }
  const { settings, json } = read;
  const { floor, ours } = await overhead(settings);
  const rates = await hashing(settings);
  if (json) {
    stdout.write(`${JSON.stringify({ ...settings, floor, ours, rates })}\n`);
    return;
  }
  const per = (figure: (of: Rates) => number, digits: number): string =>
    median(rates.map(figure)).toFixed(digits).padStart(6);
  stdout.write(`A task of 1 KB that does nothing, ${inFlight} in flight, ${settings.threads} threads:
  postMessage alone   ${text(floor)}
  inThreads           ${text(ours)}

20 ms of hashing, ${settings.threads} threads on ${availableParallelism()} cores, medians of ${rates.length} rounds:
  one bare thread               ${per((of) => of.bareThread, 1)} a second
  ${settings.threads} bare threads                ${per((of) => of.bareThreads, 1)}
  consumer, in process          ${per((of) => of.inProcess, 1)}
  consumer, inThreads           ${per((of) => of.inThreads, 1)}
  bare threads, times one       ${per((of) => of.bareThreads / of.bareThread, 2)}
  inThreads, times in process   ${per((of) => of.inThreads / of.inProcess, 2)}
  inThreads, times bare threads ${per((of) => of.inThreads / of.bareThreads, 2)}
`);
}

if (isMainThread) {
  try {
    await main();
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message.split("\n")[0] : String(error)}\n`);
    exit(2);
  }
} else if (workerData === floorThread) {
  parentPort?.on("message", ({ id, iterations }: FloorTask) => {
    if (iterations !== undefined) pbkdf2Sync("password", "salt", iterations, 32, "sha256");
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window: it has no origin
    parentPort?.postMessage(id);
  });
}
