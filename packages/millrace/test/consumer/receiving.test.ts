/**
 * What consumers get wrong while they receive. The numbered faults are those that the trackers of other
 * consumers know best; each test fails on a consumer that has the fault.
 */
import type { ReceiveMessageOutput } from "millrace";
import { describe, expect, it } from "vitest";
import { Bench, bodies, only } from "./bench.ts";
import { deferred, denied, missing, never, refused, throttled, unresolved } from "./faults.ts";

it("fault 1: a slow message does not hold up the rest", async () => {
  const bench = await Bench.open();
  for (let index = 0; index < 100; index += 1) await bench.send(index === 3 ? "slow" : "quick");
  const slow = deferred();
  const { consumer } = bench.consumer({
    concurrency: 2,
    handle: (message) => (message.body === "slow" ? slow.promise : undefined),
  });
  await bench.start(consumer);
  // The slow one holds one of the two workers; all the others go by the second.
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 99, 60_000);
  expect(consumer.stats()).toMatchObject({ running: 1, acknowledged: 99 });
  slow.resolve();
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 100, 60_000);
});

describe("fault 2: the poll loop does not spin", () => {
  const troubles = {
    "while connections are refused": () => Promise.reject(refused()),
    "while DNS does not know the name": () => Promise.reject(unresolved()),
    "while SQS throttles": () => Promise.reject(throttled()),
    "while the queue is missing": () => Promise.reject(missing()),
    "while permission is denied": () => Promise.reject(denied()),
    "while the client throws rather than rejects": () => {
      throw new Error("a client that does not keep its word");
    },
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the point of it
    "while the client rejects with nothing": () => Promise.reject(undefined),
    "while the client answers nothing": () => Promise.resolve(undefined as never),
    "while the client answers nonsense": () => Promise.resolve({ Messages: "none" } as never),
  } satisfies Record<string, () => Promise<ReceiveMessageOutput>>;

  it.each(Object.entries(troubles))("%s", async (_, trouble) => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 40, handle: () => {} });
    await bench.start(consumer);
    const before = bench.sqs.of("ReceiveMessage").length;
    bench.sqs.intercept("ReceiveMessage", trouble);
    await bench.clock.advance(60_000);
    const tries = bench.sqs.of("ReceiveMessage").slice(before);
    expect(tries.length).toBeGreaterThan(2);
    expect(tries.length).toBeLessThan(150);
    const lastTenSeconds = tries.filter(({ atMs }) => atMs > bench.clock.monotonicMs() - 10_000);
    expect(lastTenSeconds.length).toBeLessThan(25);

    // And it goes on once the trouble is over.
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
  });

  it("with pauses that grow from 100 ms to 20 s, drawn anew each time", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(refused()));
    await bench.clock.advanceUntil(() => only(told, "pollFailed").length === 30);
    const failures = only(told, "pollFailed");
    expect(failures.map(({ consecutive }) => consecutive)).toEqual(
      failures.map((_, index) => index + 1),
    );
    for (const [index, { retryInMs }] of failures.entries()) {
      const ceiling = Math.min(20_000, 100 * 2 ** index);
      expect(retryInMs).toBeGreaterThanOrEqual(ceiling / 10);
      expect(retryInMs).toBeLessThanOrEqual(ceiling);
    }
    const last = failures.slice(10).map(({ retryInMs }) => retryInMs);
    expect(new Set(last).size).toBeGreaterThan(10);
    expect(Math.max(...last)).toBeGreaterThan(10_000);
    // Each pause is kept: the next try comes when it was said to come.
    const tries = bench.sqs.of("ReceiveMessage").slice(-29);
    for (const [index, { atMs }] of tries.entries()) {
      const before = tries[index - 1];
      if (before === undefined) continue;
      expect(atMs - before.atMs).toBeCloseTo(failures[index]?.retryInMs ?? 0, 3);
    }
  });
});

it("polls that fail together are one failure, not many in a row", async () => {
  const bench = await Bench.open();
  for (let index = 0; index < 300; index += 1) await bench.send(`job ${index}`);
  const { consumer, told } = bench.consumer({
    concurrency: 100,
    prefetch: 100,
    handle: () => {},
  });
  const outage = deferred();
  bench.sqs.intercept("ReceiveMessage", (next) =>
    Promise.race([next(), outage.promise.then(() => Promise.reject(refused()))]),
  );
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 300, 60_000);
  const open = consumer.stats().openPolls;
  expect(open).toBeGreaterThan(5);
  outage.resolve();
  await bench.clock.settle();
  const failures = only(told, "pollFailed");
  expect(failures).toHaveLength(open);
  for (const { consecutive, retryInMs } of failures) {
    expect(consecutive).toBe(1);
    expect(retryInMs).toBe(failures[0]?.retryInMs);
    expect(retryInMs).toBeLessThanOrEqual(100);
  }
  bench.sqs.intercept("ReceiveMessage", undefined);
  await bench.clock.advance(100);
  expect(consumer.stats().openPolls).toBe(1);
});

it("a poll that fails long after those that were open beside it is followed by another", async () => {
  const bench = await Bench.open();
  for (let index = 0; index < 10; index += 1) await bench.send(`job ${index}`);
  const { consumer } = bench.consumer({ concurrency: 50, handle: () => {} });
  const failures = [deferred(), deferred()];
  let polls = 0;
  bench.sqs.intercept("ReceiveMessage", async (next, { WaitTimeSeconds }) => {
    if (WaitTimeSeconds === 0) return next();
    await failures[polls++]?.promise;
    throw refused();
  });
  await bench.start(consumer);
  await bench.clock.advance(100);
  expect(consumer.stats().openPolls).toBe(2);
  failures[0]?.resolve();
  await bench.clock.advance(5_000);
  expect(consumer.stats().openPolls).toBe(1);
  failures[1]?.resolve();
  await bench.clock.settle();
  bench.sqs.intercept("ReceiveMessage", undefined);
  await bench.clock.advance(200);
  expect(consumer.stats().openPolls).toBe(1);
});

describe("fault 3: a receive that never answers does not hang the consumer", () => {
  it("is given up after its wait and some slack, is said, and is followed by others", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    bench.sqs.intercept("ReceiveMessage", (next, input) =>
      input.WaitTimeSeconds === 0 ? next() : never(),
    );
    await bench.start(consumer);
    const { lastPollAt } = consumer.health();
    await bench.clock.advance(24_000);
    expect(consumer.health()).toEqual({ status: "healthy", lastPollAt });
    await bench.clock.advance(3_000);
    expect(only(told, "pollFailed")[0]?.error).toMatchObject({
      code: "SQS_TIMEOUT",
      timeoutMs: 25_000,
    });
    expect(consumer.health()).toMatchObject({ status: "degraded", lastPollAt });
    await bench.clock.advance(90_000);
    // No poll was answered for a minute, and that is what health goes by.
    expect(consumer.health()).toMatchObject({ status: "failing", lastPollAt });
    expect(consumer.stats().openPolls).toBeLessThanOrEqual(1);

    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 120_000);
    expect(consumer.health().status).toBe("healthy");
  });

  it("also when it is the very first one", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    bench.sqs.intercept("ReceiveMessage", (next, input) =>
      input.WaitTimeSeconds === 0 ? never() : next(),
    );
    await bench.start(consumer);
    expect(bench.clock.monotonicMs()).toBeLessThanOrEqual(6_000);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
  });

  it("what it brings after it was given up is released", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const late = deferred();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    let hung = false;
    bench.sqs.intercept("ReceiveMessage", async (next, input) => {
      if (hung || input.WaitTimeSeconds === 0) return next();
      hung = true;
      // Deaf to the abort: SQS hands the message out, and the answer is stuck on its way.
      const output = await bench.service.call("ReceiveMessage", input);
      await late.promise;
      return output;
    });
    await bench.start(consumer);
    await bench.send("stuck");
    await bench.clock.advance(40_000);
    expect(only(told, "pollFailed")).toHaveLength(1);
    expect(consumer.stats()).toMatchObject({ started: 0, received: 0 });
    late.resolve();
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    // Once as released, and then as any other.
    expect(consumer.stats()).toMatchObject({ received: 2, released: 1, started: 1, inHand: 0 });
  });

  it("an answer that comes late and is nothing at all harms nobody", async () => {
    const bench = await Bench.open();
    const late = deferred<ReceiveMessageOutput>();
    const { consumer } = bench.consumer({ handle: () => {} });
    bench.sqs.intercept("ReceiveMessage", (next, input) =>
      input.WaitTimeSeconds === 0 ? next() : late.promise,
    );
    await bench.start(consumer);
    await bench.clock.advance(40_000);
    bench.sqs.intercept("ReceiveMessage", undefined);
    late.resolve(undefined as never);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
  });
});

it("fault 4: starting again after a stop leaves no second loop", async () => {
  const bench = await Bench.open();
  const { consumer } = bench.consumer({ handle: () => {} });
  for (let round = 0; round < 3; round += 1) {
    await bench.start(consumer);
    await bench.run(consumer.stop());
  }
  await bench.start(consumer);
  await bench.clock.advance(5_000);
  expect(consumer.stats().openPolls).toBe(1);
  expect(bench.service.waitingReceives(bench.queueUrl)).toBe(1);
  bench.sqs.calls.length = 0;
  await bench.clock.advance(3_600_000);
  expect(bench.sqs.of("ReceiveMessage").length).toBeLessThanOrEqual(181);
});

describe("fault 5: stop does not wait for the long poll, nor lose what it brings", () => {
  it("gives an open poll up at once", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    const startedAtMs = bench.clock.monotonicMs();
    await bench.run(consumer.stop());
    expect(bench.clock.monotonicMs()).toBe(startedAtMs);
    expect(bench.service.waitingReceives(bench.queueUrl)).toBe(0);
  });

  it("releases a message that arrives after stop was called, and does not handle it", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const onItsWay = deferred();
    const { consumer } = bench.consumer({ handle: () => {} });
    bench.sqs.intercept("ReceiveMessage", async (next, input) => {
      if (input.WaitTimeSeconds === 0) return next();
      const output = await bench.service.call("ReceiveMessage", input);
      await onItsWay.promise;
      return output;
    });
    await bench.start(consumer);
    await bench.send("late");
    await bench.clock.settle();
    const stopping = consumer.stop();
    await bench.clock.advance(500);
    onItsWay.resolve();
    expect(await bench.run(stopping)).toMatchObject({ released: 1, finished: 0, abandoned: 0 });
    expect(consumer.stats().started).toBe(0);
    expect(await bench.depth()).toEqual({ visible: 1, inFlight: 0 });
  });

  it("releases what an aborted poll brings long after, while a handler still holds the stop up", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const onItsWay = deferred();
    const running = deferred();
    const { consumer, told } = bench.consumer({ handle: () => running.promise });
    bench.sqs.intercept("ReceiveMessage", async (next, input) => {
      if (input.WaitTimeSeconds === 0) return next();
      // Deaf to the abort: SQS hands the message out, and the answer is stuck on its way.
      const output = await bench.service.call("ReceiveMessage", input);
      await onItsWay.promise;
      return output;
    });
    await bench.send("running");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().running === 1);
    await bench.send("late");
    await bench.clock.settle();
    const stopping = consumer.stop();
    // More than the second after which an aborted call is given up.
    await bench.clock.advance(5_000);
    onItsWay.resolve();
    await bench.clock.advance(100);
    expect(await bench.depth()).toEqual({ visible: 1, inFlight: 1 });
    expect(bodies(only(told, "released"))).toEqual(["late"]);
    running.resolve();
    expect(await bench.run(stopping)).toMatchObject({ finished: 1, released: 1, abandoned: 0 });
    expect(consumer.stats()).toMatchObject({ started: 1, inHand: 0 });
  });

  it("releases with visibility 0, so that another consumer has it at once", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "3600" });
    const blocked = deferred();
    const { consumer } = bench.consumer({
      concurrency: 1,
      prefetch: 5,
      handle: () => blocked.promise,
    });
    await bench.send("running", "waiting 1", "waiting 2");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().waiting === 2);
    const stopping = consumer.stop();
    await bench.clock.settle();
    const other: string[] = [];
    const { consumer: second } = bench.consumer({
      handle: (message) => {
        other.push(message.body);
      },
    });
    await bench.start(second);
    await bench.clock.advance(100);
    expect(other.toSorted()).toEqual(["waiting 1", "waiting 2"]);
    blocked.resolve();
    expect(await bench.run(stopping)).toMatchObject({ finished: 1, released: 2, abandoned: 0 });
  });
});

it("fault 6: a listener that throws loses no message and ends no loop", async () => {
  const bench = await Bench.open();
  const { consumer, told } = bench.consumer({ handle: () => {} });
  for (const name of ["received", "started", "acknowledged", "stateChanged"] as const) {
    consumer.on(name, () => {
      throw new Error(`from ${name}`);
    });
  }
  await bench.send("a", "b", "c");
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3, 60_000);
  await bench.send("d");
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4, 60_000);
  expect(bodies(only(told, "acknowledged")).map(String).toSorted()).toEqual(["a", "b", "c", "d"]);
});

it("fault 6: a hook that throws loses no message and ends no loop", async () => {
  const bench = await Bench.open();
  let askings = 0;
  const { consumer, told } = bench.consumer({
    // Before each poll, and for each message that one has brought.
    limits: [
      () => {
        askings += 1;
        if (askings % 2 === 0) throw new Error("from a limit");
        return 10;
      },
    ],
    orderBy: ({ body, receiveCount }) => {
      if (body === "b" && receiveCount === 1) throw new Error("from orderBy");
      return body;
    },
    retry: () => 1,
    handle: () => {},
  });
  await bench.send("a", "b", "c");
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3, 60_000);
  await bench.send("d");
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4, 60_000);
  expect(bodies(only(told, "acknowledged"))).toEqual(["a", "c", "b", "d"]);
  // Only the one whose own hook threw has come again.
  expect(consumer.stats()).toMatchObject({ received: 5, retried: 1, inHand: 0 });
  expect(askings).toBeGreaterThan(2);
});

describe("fault 7: what cannot work rejects start, and leaves nothing behind", () => {
  it("a queue that is missing", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ queue: `${bench.queueUrl}-not`, handle: () => {} });
    await expect(bench.start(consumer)).rejects.toMatchObject({ category: "missingQueue" });
    expect(consumer.health()).toEqual({ status: "stopped" });
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it("a queue that is missing, by name", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ queue: "no-such-queue", handle: () => {} });
    await expect(bench.start(consumer)).rejects.toMatchObject({ category: "missingQueue" });
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it("no permission to look at the queue", async () => {
    const bench = await Bench.open();
    bench.sqs.intercept("GetQueueAttributes", () => Promise.reject(denied()));
    const { consumer } = bench.consumer({ handle: () => {} });
    await expect(bench.start(consumer)).rejects.toMatchObject({ category: "denied" });
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it("no permission to receive", async () => {
    const bench = await Bench.open();
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(denied()));
    const { consumer } = bench.consumer({ handle: () => {} });
    await expect(bench.start(consumer)).rejects.toMatchObject({ category: "denied" });
    expect(consumer.health()).toEqual({ status: "stopped" });
    expect(bench.clock.pendingTimers).toBe(0);
    bench.sqs.calls.length = 0;
    await bench.clock.advance(120_000);
    expect(bench.sqs.calls).toEqual([]);

    // Granted in the end: the same consumer starts.
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.send("after");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
  });

  it("trouble that passes by itself is no reason not to start", async () => {
    const bench = await Bench.open();
    let polls = 0;
    bench.sqs.intercept("ReceiveMessage", (next) =>
      (polls += 1) === 1 ? Promise.reject(throttled()) : next(),
    );
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    expect(consumer.health()).toMatchObject({ status: "degraded" });
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(consumer.health()).toMatchObject({ status: "healthy" });
  });
});
