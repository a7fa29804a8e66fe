/**
 * Start and stop, in every order, and what is left after them. The numbered faults are those that the
 * trackers of other consumers know best; each test fails on a consumer that has the fault.
 */
import { Consumer, ConsumerStoppedError, sleep } from "millrace";
import type { ReceiveMessageOutput } from "millrace";
import { describe, expect, it } from "vitest";
import { Bench, bodies, only } from "./bench.ts";
import { deferred, denied, errorOf, never } from "./faults.ts";

describe("fault 33: stop can be awaited, called twice, and has a deadline", () => {
  it("resolves with what it did", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const { consumer } = bench.consumer({
      concurrency: 3,
      prefetch: 7,
      handle: async (message, { signal }) => {
        if (message.body === "waits to be told") {
          await new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => resolve());
          });
          signal.throwIfAborted();
        }
        if (message.body === "never ends") await never();
        await new Promise<void>((resolve) => void bench.clock.setTimer(resolve, 2_000));
      },
    });
    await bench.send("ends", "waits to be told", "never ends", "waiting 1", "waiting 2");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().waiting === 2);
    const report = await bench.run(consumer.stop({ deadlineMs: 10_000 }));
    expect(report).toEqual({
      finished: 1,
      released: 3,
      abandoned: 1,
      leftBehind: 1,
      durationMs: 15_000,
    });
    // Nothing is lost: one is done, three are visible, one is left to its lease.
    expect(await bench.depth()).toEqual({ visible: 3, inFlight: 1 });
    expect(consumer.stats()).toMatchObject({ acknowledged: 1, released: 3, openPolls: 0 });
  });

  it("answers the same promise when it is called again, during and after", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    const first = consumer.stop();
    expect(consumer.stop()).toBe(first);
    expect(consumer.stop({ deadlineMs: 0 })).toBe(first);
    await bench.run(first);
    expect(consumer.stop()).toBe(first);
    await expect(consumer.stop()).resolves.toMatchObject({ finished: 0 });
  });

  it("does not wait for a handler beyond the deadline and its grace", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 2, handle: () => never() });
    await bench.send("1", "2", "3");
    await bench.start(consumer);
    await bench.clock.advance(100);
    const report = await bench.run(consumer.stop({ deadlineMs: 30_000 }));
    expect(report).toMatchObject({ abandoned: 2, released: 1, durationMs: 35_000 });
  });

  it("has an end even when SQS answers nothing any more", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const { consumer } = bench.consumer({ concurrency: 2, handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(100);
    for (const operation of [
      "ReceiveMessage",
      "DeleteMessageBatch",
      "ChangeMessageVisibilityBatch",
    ] as const) {
      bench.sqs.intercept(operation, () => never());
    }
    await bench.send("1");
    await bench.clock.settle();
    const report = await bench.run(consumer.stop({ deadlineMs: 1_000 }));
    expect(report).toMatchObject({ finished: 0, released: 0, abandoned: 1 });
    expect(report.durationMs).toBeLessThanOrEqual(1_000 + 16_000);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it("has an end within 18 seconds of its deadline when SQS falls silent on a FIFO queue", async () => {
    const bench = await Bench.open({ FifoQueue: "true", VisibilityTimeout: "600" });
    const { consumer } = bench.consumer({ handle: () => sleep(bench.clock, 100) });
    await bench.sendTo("group", "1");
    await bench.start(consumer);
    for (const operation of ["ReceiveMessage", "DeleteMessageBatch"] as const) {
      bench.sqs.intercept(operation, () => never());
    }
    await bench.clock.advance(26_000);
    const report = await bench.run(consumer.stop({ deadlineMs: 0 }));
    expect(report).toMatchObject({ finished: 0, abandoned: 1, durationMs: 18_000 });
  });

  it("waits for an extension that is under way, also where the signal is ignored", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 1, prefetch: 0, handle: () => never() });
    await bench.send("1");
    await bench.start(consumer);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", () => never());
    await bench.clock.advance(11_000);
    await bench.run(consumer.stop({ deadlineMs: 0 }));
    expect(bench.sqs.of("ChangeMessageVisibilityBatch")).toHaveLength(1);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it("keeps the leases of handlers that it waits for", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "10" });
    const slow = deferred();
    const { consumer, told } = bench.consumer({ handle: () => slow.promise });
    await bench.send("slow");
    await bench.start(consumer);
    await bench.clock.advance(100);
    const stopping = consumer.stop({ deadlineMs: 120_000 });
    await bench.clock.advance(60_000);
    expect(consumer.stats().running).toBe(1);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 1 });
    slow.resolve();
    expect(await bench.run(stopping)).toMatchObject({ finished: 1 });
    expect(bodies(only(told, "acknowledged"))).toEqual(["slow"]);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it("refuses a deadline that is none, by rejecting", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    for (const deadlineMs of [-1, NaN, "1000", null] as number[]) {
      await expect(consumer.stop({ deadlineMs })).rejects.toThrow(/deadlineMs.*received/);
    }
    for (const options of [null, 1_000, { deadline: 1_000 }] as { deadlineMs?: number }[]) {
      await expect(consumer.stop(options)).rejects.toThrow(/must be.*received/);
    }
    await bench.start(consumer);
    expect(consumer.health().status).toBe("healthy");
  });

  it("may be called from a handler and from a listener", async () => {
    const bench = await Bench.open();
    const stops: Promise<unknown>[] = [];
    const { consumer } = bench.consumer({
      handle: () => {
        stops.push(consumer.stop());
      },
    });
    consumer.on("acknowledged", () => stops.push(consumer.stop()));
    await bench.start(consumer);
    await bench.send("1", "2");
    await bench.clock.advance(100);
    const reports = await bench.run(Promise.all(stops));
    expect(reports.length).toBeGreaterThanOrEqual(2);
    expect(consumer.health().status).toBe("stopped");
    const { visible, inFlight } = await bench.depth();
    expect(visible + inFlight + consumer.stats().acknowledged).toBe(2);
    expect(inFlight).toBe(0);
  });

  it("called as a poll's answer is told, releases what that answer brought", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const { consumer } = bench.consumer({ handle: () => {} });
    let stopping: Promise<unknown> | undefined;
    consumer.on("received", ({ count }) => {
      if (count > 0) stopping = consumer.stop();
    });
    await bench.start(consumer);
    await bench.send("1");
    await bench.clock.advance(100);
    expect(await bench.run(stopping ?? never())).toMatchObject({ released: 1 });
    expect(consumer.stats().started).toBe(0);
    expect(await bench.depth()).toEqual({ visible: 1, inFlight: 0 });
  });
});

it("a stop in the very moment in which a worker is handed a message releases it", async () => {
  const bench = await Bench.open({ VisibilityTimeout: "3600" });
  const { consumer } = bench.consumer({ handle: () => {} });
  let stopping: Promise<unknown> | undefined;
  consumer.on("received", ({ count }) => {
    // Runs when the message is in the worker's hand, and the worker has not looked at it yet.
    if (count === 0) return;
    queueMicrotask(() => {
      stopping = consumer.stop();
    });
  });
  await bench.start(consumer);
  await bench.send("1");
  await bench.clock.advance(100);
  expect(await bench.run(stopping ?? never())).toMatchObject({ released: 1 });
  expect(consumer.stats().started).toBe(0);
  expect(await bench.depth()).toEqual({ visible: 1, inFlight: 0 });
});

describe("fault 34: nothing runs once stop has resolved", () => {
  it("no handler, no call, no timer, no event", async () => {
    const bench = await Bench.open();
    let running = 0;
    const { consumer, told } = bench.consumer({
      concurrency: 5,
      prefetch: 20,
      handle: async (_, { signal }) => {
        running += 1;
        try {
          await new Promise<void>((resolve) => {
            const timer = bench.clock.setTimer(resolve, 3_000);
            signal.addEventListener("abort", () => {
              timer.cancel();
              resolve();
            });
          });
          signal.throwIfAborted();
        } finally {
          running -= 1;
        }
      },
    });
    for (let index = 0; index < 60; index += 1) await bench.send(`job ${index}`);
    await bench.start(consumer);
    await bench.clock.advance(10_000);
    await bench.run(consumer.stop({ deadlineMs: 1_000 }));
    expect(running).toBe(0);
    expect(bench.clock.pendingTimers).toBe(0);
    const { started, acknowledged } = consumer.stats();
    const calls = bench.sqs.calls.length;
    const events = told.length;
    await bench.clock.advance(3_600_000);
    expect(consumer.stats()).toMatchObject({ started, acknowledged, inHand: 0 });
    expect(bench.sqs.calls).toHaveLength(calls);
    expect(told).toHaveLength(events);
    // Those that were not handled are all still there.
    expect(await bench.depth()).toEqual({ visible: 60 - acknowledged, inFlight: 0 });
  });

  it("a handler that was told to end is told why, and its message is released, not failed", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    let reason: unknown;
    const { consumer, told } = bench.consumer({
      handle: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            ({ reason } = signal);
            reject(new Error("interrupted", { cause: reason }));
          });
        }),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(100);
    await bench.run(consumer.stop({ deadlineMs: 500 }));
    expect(reason).toBeInstanceOf(ConsumerStoppedError);
    expect(only(told, "failed")).toEqual([]);
    expect(bodies(only(told, "released"))).toEqual(["1"]);
    expect(await bench.depth()).toEqual({ visible: 1, inFlight: 0 });
  });
});

describe("promise 8: a stop while much is under way", () => {
  it("loses nothing, whenever it comes", async () => {
    for (let atMs = 0; atMs <= 60; atMs += 3) {
      const bench = await Bench.open({ VisibilityTimeout: "3600" });
      const { consumer } = bench.consumer({
        concurrency: 4,
        prefetch: 16,
        handle: () => new Promise<void>((resolve) => void bench.clock.setTimer(resolve, 10)),
      });
      for (let index = 0; index < 40; index += 1) await bench.send(`job ${index}`);
      await bench.start(consumer);
      await bench.clock.advance(atMs);
      const { finished, released, abandoned } = await bench.run(consumer.stop());
      const { acknowledged } = consumer.stats();
      expect(abandoned).toBe(0);
      expect(finished).toBeLessThanOrEqual(acknowledged);
      expect(released).toBe(consumer.stats().released);
      expect(await bench.depth()).toEqual({ visible: 40 - acknowledged, inFlight: 0 });
    }
  });
});

describe("start", () => {
  it("called twice answers the same promise and makes one loop", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    const first = consumer.start();
    expect(consumer.start()).toBe(first);
    await bench.run(first);
    expect(consumer.start()).toBe(first);
    await bench.clock.advance(1_000);
    expect(consumer.stats().openPolls).toBe(1);
    expect(bench.service.waitingReceives()).toBe(1);
  });

  it("after a stop starts anew, with the counts of before", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    await bench.run(consumer.stop());
    await bench.send("2");
    await bench.clock.advance(60_000);
    expect(consumer.stats()).toMatchObject({ acknowledged: 1, openPolls: 0 });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(consumer.stats().openPolls).toBe(1);
  });

  it("called while a stop is under way begins when that has ended", async () => {
    const bench = await Bench.open();
    const slow = deferred();
    const { consumer, told } = bench.consumer({
      handle: (message) => (message.body === "slow" ? slow.promise : undefined),
    });
    await bench.send("slow");
    await bench.start(consumer);
    await bench.clock.advance(100);
    const stopping = consumer.stop();
    const starting = consumer.start();
    await bench.clock.advance(5_000);
    // What the stop still waits for is seen in the stats.
    expect(consumer.stats()).toMatchObject({ running: 1, inHand: 1, openPolls: 0 });
    slow.resolve();
    await bench.run(stopping);
    await bench.run(starting);
    expect(only(told, "stateChanged").map(({ to }) => to)).toEqual([
      "starting",
      "healthy",
      "stopped",
      "starting",
      "healthy",
    ]);
    await bench.send("2");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(consumer.stats().openPolls).toBe(1);
  });

  it("called while a stop is under way and stopped again does not begin", async () => {
    const bench = await Bench.open();
    const slow = deferred();
    const { consumer } = bench.consumer({ handle: () => slow.promise });
    await bench.send("slow");
    await bench.start(consumer);
    await bench.clock.advance(100);
    const first = consumer.stop();
    const starting = consumer.start();
    const second = consumer.stop();
    const rejection = errorOf(starting);
    slow.resolve();
    await bench.run(Promise.all([first, second]));
    expect(await rejection).toBeInstanceOf(ConsumerStoppedError);
    const calls = bench.sqs.calls.length;
    await bench.clock.advance(60_000);
    expect(bench.sqs.calls).toHaveLength(calls);
  });

  it("that fails leaves nothing, and can be tried again", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(denied()));
    for (let attempt = 0; attempt < 3; attempt += 1) {
      bench.sqs.calls.length = 0;
      await expect(bench.start(consumer)).rejects.toMatchObject({ category: "denied" });
      expect(bench.sqs.of("ReceiveMessage")).toHaveLength(1);
      expect(consumer.health()).toEqual({ status: "stopped" });
      expect(bench.clock.pendingTimers).toBe(0);
    }
    await expect(consumer.stop()).resolves.toMatchObject({ finished: 0, abandoned: 0 });
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(consumer.stats().openPolls).toBe(1);
    expect(only(told, "stateChanged").at(-1)).toMatchObject({ to: "healthy" });
  });

  it("that fails while stop is called still ends", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    let stopping: Promise<unknown> | undefined;
    bench.sqs.intercept("ReceiveMessage", () => {
      stopping = consumer.stop();
      return Promise.reject(denied());
    });
    expect(await errorOf(bench.start(consumer))).toBeInstanceOf(Error);
    await bench.run(stopping ?? never());
    expect(consumer.health().status).toBe("stopped");
    expect(bench.clock.pendingTimers).toBe(0);
  });
});

describe("stop", () => {
  it("before start does nothing, and start works after it", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await expect(consumer.stop()).resolves.toEqual({
      finished: 0,
      released: 0,
      abandoned: 0,
      leftBehind: 0,
      durationMs: 0,
    });
    await bench.start(consumer);
    expect(consumer.health().status).toBe("healthy");
  });

  it.each(["GetQueueUrl", "GetQueueAttributes", "ReceiveMessage"] as const)(
    "during start rejects the start, also when %s never answers",
    async (operation) => {
      const bench = await Bench.open();
      const { consumer } = bench.consumer({ queue: "jobs", handle: () => {} });
      bench.sqs.intercept(operation, () => never());
      const starting = consumer.start();
      const rejection = errorOf(starting);
      await bench.clock.advance(2_000);
      await bench.run(consumer.stop());
      expect(await rejection).toBeInstanceOf(ConsumerStoppedError);
      expect(bench.clock.pendingTimers).toBe(0);
      expect(consumer.health()).toEqual({ status: "stopped" });
      const calls = bench.sqs.calls.length;
      await bench.clock.advance(60_000);
      expect(bench.sqs.calls).toHaveLength(calls);

      bench.sqs.intercept(operation, undefined);
      await bench.start(consumer);
      await bench.clock.advance(1_000);
      expect(consumer.stats().openPolls).toBe(1);
    },
  );

  it.each(["GetQueueUrl", "GetQueueAttributes", "ReceiveMessage"] as const)(
    "that comes while the answer of %s is on its way leaves nothing running",
    async (operation) => {
      const bench = await Bench.open({ VisibilityTimeout: "3600" });
      const { consumer } = bench.consumer({ queue: "jobs", handle: () => {} });
      await bench.send("1", "2", "3");
      let stopping: Promise<unknown> | undefined;
      // SQS has answered before it hears of the abort.
      bench.sqs.intercept(operation, async (next) => {
        const output = await next();
        stopping = consumer.stop();
        return output;
      });
      const starting = consumer.start();
      const rejection = errorOf(starting);
      await bench.clock.advance(100);
      await bench.run(stopping ?? never());
      expect(await rejection).toBeInstanceOf(ConsumerStoppedError);
      expect(bench.clock.pendingTimers).toBe(0);
      expect(consumer.stats()).toMatchObject({ started: 0, inHand: 0, openPolls: 0 });
      expect(await bench.depth()).toEqual({ visible: 3, inFlight: 0 });
    },
  );

  it("with a deadline of 0 gives everything back that no handler finishes", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const { consumer } = bench.consumer({
      handle: async (_, { signal }) => {
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
        });
        signal.throwIfAborted();
      },
    });
    await bench.send("1", "2", "3");
    await bench.start(consumer);
    await bench.clock.advance(100);
    const report = await bench.run(consumer.stop({ deadlineMs: 0 }));
    expect(report).toMatchObject({ released: 3, abandoned: 0 });
    expect(await bench.depth()).toEqual({ visible: 3, inFlight: 0 });
  });

  it.each([
    ["its reason", (signal: AbortSignal) => signal.reason],
    ["what was made of it", ({ reason }: AbortSignal) => new Error("cut off", { cause: reason })],
    ["an AbortError", () => new DOMException("aborted", "AbortError")],
  ])("releases a handler that ends at the deadline by throwing %s", async (_, made) => {
    const { report, told } = await stopped((signal) => Promise.reject(made(signal)));
    expect(report).toMatchObject({ released: 1, finished: 0 });
    expect(only(told, "failed")).toEqual([]);
  });

  it("tells of a handler that really fails after the deadline, and retries its message", async () => {
    const fault = new Error("the disk is full");
    const { report, told } = await stopped(() => Promise.reject(fault));
    expect(report).toMatchObject({ released: 0, finished: 1 });
    expect(only(told, "failed").map(({ error }) => error)).toEqual([fault]);
    expect(only(told, "retried")).toHaveLength(1);
  });

  it("leaves alone what a poll brings after it has resolved", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    const answer = deferred<ReceiveMessageOutput>();
    bench.sqs.intercept("ReceiveMessage", () => answer.promise);
    await bench.clock.advance(40_000);
    await bench.run(consumer.stop());
    const before = { told: told.length, stats: consumer.stats() };
    answer.resolve({ Messages: [{ MessageId: "late", ReceiptHandle: "late", Body: "late" }] });
    await bench.clock.advance(60_000);
    expect({ told: told.length, stats: consumer.stats() }).toEqual(before);
  });

  it("is what `await using` calls", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.run(consumer[Symbol.asyncDispose]());
    expect(consumer.health().status).toBe("stopped");
  });
});

it("a consumer that is only made holds nothing", async () => {
  const bench = await Bench.open();
  const { queueUrl: queue, sqs, clock } = bench;
  const consumer = new Consumer({ queue, sqs, clock, handle: () => {} });
  expect(bench.clock.pendingTimers).toBe(0);
  expect(bench.sqs.calls).toEqual([]);
  expect(consumer.health()).toEqual({ status: "stopped" });
  expect(consumer.stats()).toMatchObject({ inHand: 0, received: 0, requests: {} });
});

/** A consumer that was stopped with a deadline of 0 while its one handler ran, which then ended as `end` says. */
async function stopped(end: (signal: AbortSignal) => Promise<unknown>) {
  const bench = await Bench.open({ VisibilityTimeout: "3600" });
  const { consumer, told } = bench.consumer({
    handle: async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await end(signal);
    },
  });
  await bench.send("1");
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().running === 1);
  return { told, report: await bench.run(consumer.stop({ deadlineMs: 0 })) };
}
