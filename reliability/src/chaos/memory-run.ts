/**
 * Owns one run of the memory program: a consumer in this process, fed from another, with samples along the
 * way. It never judges them, and never prints.
 */
import { once } from "node:events";
import { Consumer, HttpSqs, exponentialBackoff, sleep, systemClock } from "millrace";
import type { ConsumerStats, Message } from "millrace";
import { Feed } from "./feed.ts";
import type { MemorySample } from "./memory-samples.ts";

/** What is wrong with the handler on purpose, to see that it is found. */
export const memoryPlants = ["keep-messages"] as const;

export type MemoryPlant = (typeof memoryPlants)[number];

export interface MemoryPlan {
  readonly messages: number;
  readonly samples: number;
  readonly plant: MemoryPlant | undefined;
}

export interface MemoryFindings {
  readonly plan: MemoryPlan;
  readonly samples: readonly MemorySample[];
  readonly stats: ConsumerStats;
  /** Messages left on the queue in the end. */
  readonly left: number;
  /** What keeps the process alive, by kind, before the consumer was made and after it was stopped. */
  readonly resourcesBefore: readonly string[];
  readonly resourcesAfter: readonly string[];
  /** From the first poll to the last acknowledgement. */
  readonly durationMs: number;
}

export interface MemoryWatch {
  /** A full garbage collection: node's `gc`, there with --expose-gc. */
  readonly collect: () => void;
  readonly signal: AbortSignal;
  /** Called at each sample. */
  readonly onSample?: ((sample: MemorySample) => void) | undefined;
}

const bodyBytes = 500;
const backlog = 2_000;
/** One in so many messages fails the first time. */
const failEvery = 100;
/**
 * Not sampled: code is compiled and caches fill in the first seconds of a process. Of a short run it is a third.
 */
const warmUpMessages = 20_000;
/** How long sockets that were closed may take to be gone. */
const closeWithinMs = 5_000;

/**
 * Runs a consumer on so many messages. Each has an ordering key of its own and some are retried, so that what
 * is kept for lanes or failures would show.
 *
 * @throws the signal's reason; FeedEndedError.
 */
export async function runMemory(plan: MemoryPlan, watch: MemoryWatch): Promise<MemoryFindings> {
  const { messages, plant } = plan;
  const { signal } = watch;
  await using feed = await Feed.start({ messages, bodyBytes, backlog });
  const resourcesBefore = process.getActiveResourcesInfo();
  const kept: Message[] = [];
  const samples: MemorySample[] = [];
  const warmUp = Math.min(warmUpMessages, Math.floor(messages / 3));
  const step = Math.max(1, Math.floor((messages - warmUp) / plan.samples));

  const sqs = new HttpSqs({
    endpoint: feed.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "memory", secretAccessKey: "memory" },
  });
  const consumer = new Consumer({
    queue: feed.queueUrl,
    handle: async (message) => {
      if (plant === "keep-messages") kept.push(message);
      const n = Number.parseInt(message.body, 10);
      if (n % failEvery === 0 && message.receiveCount === 1) throw new Error("the first time");
    },
    orderBy: (message) => message.body,
    concurrency: 50,
    prefetch: 50,
    waitTimeSeconds: 1,
    visibilityTimeoutSeconds: 30,
    retry: exponentialBackoff({ baseSeconds: 1, maxSeconds: 1 }),
    sqs,
  });
  const done = new AbortController();
  const take = (): void => {
    const { acknowledged } = consumer.stats();
    if (acknowledged > warmUp && (acknowledged - warmUp) % step === 0) {
      const sample = measure(acknowledged, watch.collect);
      samples.push(sample);
      watch.onSample?.(sample);
    }
    if (acknowledged === messages) done.abort();
  };
  consumer.on("acknowledged", take);
  const startedMs = systemClock.monotonicMs();
  try {
    await consumer.start();
    const over = AbortSignal.any([done.signal, signal, feed.ended]);
    if (!over.aborted) await once(over, "abort");
  } finally {
    await consumer.stop();
    await sqs.close();
  }
  signal.throwIfAborted();
  feed.ended.throwIfAborted();
  const durationMs = systemClock.monotonicMs() - startedMs;
  const { left } = await feed.report();
  return {
    plan,
    samples,
    stats: consumer.stats(),
    left,
    resourcesBefore,
    resourcesAfter: await resourcesOnceClosed(resourcesBefore.length),
    durationMs,
  };
}

function measure(messages: number, collect: () => void): MemorySample {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo().length;
  return { messages, heapUsedBytes: heapUsed, externalBytes: external, resources };
}

/** Closed sockets are gone a little later. */
async function resourcesOnceClosed(expected: number): Promise<string[]> {
  const deadlineMs = systemClock.monotonicMs() + closeWithinMs;
  for (;;) {
    const resources = process.getActiveResourcesInfo();
    if (resources.length <= expected || systemClock.monotonicMs() > deadlineMs) return resources;
    await sleep(systemClock, 20);
  }
}
