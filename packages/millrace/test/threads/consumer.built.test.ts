/**
 * Consumers whose handler runs in threads, on the machine's own clock: starts and stops, what becomes of
 * messages whose thread is lost, and leases while handlers block.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { SqsService } from "@millrace/local-sqs";
import { Consumer, HttpSqs } from "millrace";
import type { ConsumerEvents, ConsumerOptions, SqsApi } from "millrace";
import type { ThreadsHandler } from "millrace/threads";
import { VirtualClock } from "millrace/testing";
import { expect, it, onTestFinished } from "vitest";
import { errorOf, handlers, liveThreads, outcomes, threadsOf } from "./bench.ts";

/** A queue `jobs` in this process. */
async function queue(): Promise<{ readonly service: SqsService; readonly queueUrl: string }> {
  const service = new SqsService();
  onTestFinished(() => service.close());
  const { QueueUrl: queueUrl = "" } = await service.call("CreateQueue", { QueueName: "jobs" });
  return { service, queueUrl };
}

function consumerOf(
  sqs: SqsApi,
  queueUrl: string,
  handle: ThreadsHandler,
  options: Partial<Omit<ConsumerOptions<unknown>, "handle" | "handleBatch" | "batch">> = {},
): Consumer<unknown> {
  const consumer = new Consumer<unknown>({
    queue: queueUrl,
    sqs,
    handle,
    retry: () => 0,
    ...options,
  });
  onTestFinished(async () => {
    await consumer.stop({ deadlineMs: 0 });
  });
  return consumer;
}

async function send(sqs: SqsApi, QueueUrl: string, ...texts: string[]): Promise<void> {
  for (const MessageBody of texts) await sqs.call("SendMessage", { QueueUrl, MessageBody });
}

/** The next event of that name. */
function next<Name extends keyof ConsumerEvents>(
  consumer: Consumer<unknown>,
  name: Name,
): Promise<ConsumerEvents[Name]> {
  return new Promise((resolve) => {
    const listener = (event: ConsumerEvents[Name]): void => {
      consumer.off(name, listener);
      resolve(event);
    };
    consumer.on(name, listener);
  });
}

/** Waits for the abort of a task, then lets the grace for its end pass. */
async function graceOf(clock: VirtualClock): Promise<void> {
  await expect.poll(() => clock.nextTimerMs()).toBe(4_000);
  await clock.advance(4_000);
}

it("fault 23: a handler that blocks its event loop keeps its message, for three visibility timeouts", async () => {
  // Neither SQS nor whoever else receives from it may be blocked by what a handler does here.
  const rival = new Worker(new URL("./fixtures/rival.mjs", import.meta.url));
  onTestFinished(async () => {
    await rival.terminate();
  });
  const answer = async <T>(): Promise<T> => ((await once(rival, "message")) as [T])[0];
  const { endpoint, queueUrl } = await answer<{ endpoint: string; queueUrl: string }>();
  const sqs = new HttpSqs({
    region: "us-east-1",
    endpoint,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  onTestFinished(() => sqs.close());
  const handle = threadsOf("block", { threads: 2 });
  const options = { visibilityTimeoutSeconds: 2, concurrency: 3 };
  const consumer = consumerOf(sqs, queueUrl, handle, options);
  // From the moment in which they are in flight, before any handler runs.
  consumer.on("received", ({ count }) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    if (count > 0) rival.postMessage("poll");
  });
  // Two block; one waits for a thread, its lease kept as well.
  await send(sqs, queueUrl, "6100", "6100", "1");
  await consumer.start();
  await expect.poll(() => consumer.stats().acknowledged, { timeout: 30_000 }).toBe(3);
  const { received, started, retried, leasesLost } = consumer.stats();
  expect({ received, started, retried, leasesLost }).toEqual({
    received: 3,
    started: 3,
    retried: 0,
    leasesLost: 0,
  });
  const got = answer<string[]>();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  rival.postMessage("tell");
  expect(await got).toEqual([]);
});

it("a message that would wait for a thread does not run yet, so that no timeout fails it before it has one", async () => {
  const { service, queueUrl } = await queue();
  const handle = threadsOf("act", { threads: 1, tasksPerThread: 2 });
  const consumer = consumerOf(service, queueUrl, handle);
  await send(service, queueUrl, ...Array.from({ length: 5 }, () => "until aborted"));
  await consumer.start();
  await expect.poll(() => consumer.stats()).toMatchObject({ inHand: 5, running: 2, waiting: 3 });
  expect(await consumer.stop({ deadlineMs: 0 })).toMatchObject({ released: 3, abandoned: 0 });
});

it("messages are settled as the handler in the thread says", async () => {
  const { service, queueUrl } = await queue();
  const dead = await service.call("CreateQueue", { QueueName: "dead" });
  await service.call("SetQueueAttributes", {
    QueueUrl: queueUrl,
    Attributes: {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:dead",
        maxReceiveCount: 100,
      }),
    },
  });
  const handle = threadsOf("outcome", { threads: 2 }, outcomes);
  const consumer = consumerOf(service, queueUrl, handle);
  await consumer.start();
  const retried = next(consumer, "retried");
  await send(service, queueUrl, "retry");
  expect(await retried).toMatchObject({ afterSeconds: 7, reason: "later" });
  const deadLettered = next(consumer, "deadLettered");
  await send(service, queueUrl, "dead-letter");
  expect(await deadLettered).toMatchObject({ reason: "never" });
  const copy = await service.call("ReceiveMessage", { QueueUrl: dead.QueueUrl ?? "" });
  expect(copy.Messages).toMatchObject([{ Body: "dead-letter" }]);
  const released = next(consumer, "released");
  await send(service, queueUrl, "release");
  await released;
  const failed = next(consumer, "failed");
  await send(service, queueUrl, "throw");
  expect(await failed).toMatchObject({ error: { code: "LEASE_LOST", messageId: "m1" } });
});

it("a message whose thread was lost is retried, and so are the others of that thread", async () => {
  const { service, queueUrl } = await queue();
  const handle = threadsOf("exitOnce", { tasksPerThread: 3 });
  const consumer = consumerOf(service, queueUrl, handle);
  const errors: unknown[] = [];
  consumer.on("failed", ({ error }) => errors.push(error));
  await send(service, queueUrl, "1", "2", "3");
  await consumer.start();
  await expect.poll(() => consumer.stats().acknowledged).toBe(3);
  expect(errors).toHaveLength(3);
  for (const error of errors) expect(error).toMatchObject({ code: "WORKER_THREAD_LOST" });
});

it("a handler that loops for ever is ended after its timeout, and is given up with the timeout's error", async () => {
  const { service, queueUrl } = await queue();
  const clock = new VirtualClock();
  const handle = threadsOf("loopOnce", { clock });
  const consumer = consumerOf(service, queueUrl, handle, { handlerTimeoutMs: 50 });
  const failed = next(consumer, "failed");
  await send(service, queueUrl, "1");
  await consumer.start();
  await graceOf(clock);
  expect(await failed).toMatchObject({
    error: { code: "HANDLER_TIMEOUT", cause: { code: "WORKER_THREAD_LOST", reason: "blocked" } },
  });
  await expect.poll(() => consumer.stats().acknowledged).toBe(1);
});

it("a stop ends a handler that loops for ever, and gives its message back", async () => {
  const before = liveThreads();
  const { service, queueUrl } = await queue();
  const clock = new VirtualClock();
  const handle = threadsOf("act", { threads: 2, clock });
  const consumer = consumerOf(service, queueUrl, handle);
  await consumer.start();
  const started = next(consumer, "started");
  await send(service, queueUrl, "loop");
  await started;
  const stopping = consumer.stop({ deadlineMs: 0 });
  await graceOf(clock);
  const report = await stopping;
  // Its thread is gone for certain, so that nobody works on the message any more.
  expect(report).toMatchObject({ released: 1, abandoned: 0 });
  expect(liveThreads()).toBe(before);
  const { Messages } = await service.call("ReceiveMessage", { QueueUrl: queueUrl });
  expect(Messages).toMatchObject([{ Body: "loop" }]);
});

it("the threads start before the first poll and end with the stop, as often as the consumer does", async () => {
  const before = liveThreads();
  const { service, queueUrl } = await queue();
  const handle = threadsOf("default", { threads: 2 });
  const consumer = consumerOf(service, queueUrl, handle);
  for (let round = 1; round <= 2; round += 1) {
    await send(service, queueUrl, `round ${round}`);
    await consumer.start();
    expect(liveThreads()).toBe(before + 2);
    await expect.poll(() => consumer.stats().acknowledged).toBe(round);
    await consumer.stop();
    expect(liveThreads()).toBe(before);
  }
});

it("two consumers share the threads", async () => {
  const before = liveThreads();
  const { service, queueUrl } = await queue();
  const handle = threadsOf("default", { threads: 1 });
  const one = consumerOf(service, queueUrl, handle);
  const other = consumerOf(service, queueUrl, handle);
  await Promise.all([one.start(), other.start()]);
  await one.stop();
  expect(liveThreads()).toBe(before + 1);
  await send(service, queueUrl, "1");
  await expect.poll(() => other.stats().acknowledged).toBe(1);
  await other.stop();
  expect(liveThreads()).toBe(before);
});

it("a module that does not load rejects the consumer's start, and nothing is left", async () => {
  const before = liveThreads();
  const { service, queueUrl } = await queue();
  const handle = threadsOf("default", { threads: 2 }, new URL("nowhere.mjs", handlers));
  const consumer = consumerOf(service, queueUrl, handle);
  await send(service, queueUrl, "1");
  expect(await errorOf(consumer.start())).toMatchObject({ code: "HANDLER_MODULE_FAILED" });
  expect(liveThreads()).toBe(before);
  expect(consumer.health().status).toBe("stopped");
  expect(consumer.stats()).toMatchObject({ received: 0, openPolls: 0 });
});

it("a stop while the threads start ends both", async () => {
  const before = liveThreads();
  const { service, queueUrl } = await queue();
  const url = `data:text/javascript,${encodeURIComponent("for (;;);")}`;
  const consumer = consumerOf(service, queueUrl, threadsOf("default", { threads: 2 }, url));
  const starting = errorOf(consumer.start());
  await expect.poll(() => liveThreads()).toBe(before + 2);
  await consumer.stop();
  expect(await starting).toMatchObject({ code: "CONSUMER_STOPPED" });
  expect(liveThreads()).toBe(before);
});

it("a process ends by itself once its consumer has stopped, and while its threads have nothing to do", async () => {
  const code = `
    import { SqsService } from "@millrace/local-sqs";
    import { Consumer } from "millrace";
    import { inThreads } from "millrace/threads";
    const sqs = new SqsService();
    const { QueueUrl: queue } = await sqs.call("CreateQueue", { QueueName: "jobs" });
    const handlers = ${JSON.stringify(handlers.href)};
    const consumer = new Consumer({ queue, sqs, handle: inThreads(handlers, { threads: 2 }) });
    consumer.on("acknowledged", async ({ message }) => {
      console.log(message.body);
      await consumer.stop();
      sqs.close();
      await inThreads(handlers, { threads: 1 }).start();
      const idle = inThreads(handlers, { threads: 1 });
      console.log(await idle({ ...message, body: "by hand" }, { signal: new AbortController().signal }));
    });
    await consumer.start();
    await sqs.call("SendMessage", { QueueUrl: queue, MessageBody: "by a consumer" });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => {
    if (child.exitCode === null) child.kill("SIGKILL");
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  expect(await once(child, "close")).toEqual([0, null]);
  expect(printed).toBe("by a consumer\nby hand\n");
});
