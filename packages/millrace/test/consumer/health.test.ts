/**
 * Health: the truth about whether messages come and go, said once for each change, while the consumer
 * goes on trying in every case.
 */
import { sleep, SqsError } from "millrace";
import { describe, expect, it } from "vitest";
import type { Told } from "./bench.ts";
import { Bench, only } from "./bench.ts";
import { deferred, denied, missing, never, refused, serviceError, throttled } from "./faults.ts";

const changes = (told: readonly Told[]): string[] =>
  only(told, "stateChanged").map(({ from, to }) => `${from} → ${to}`);

describe("health", () => {
  it("goes from stopped over starting to healthy, and back to stopped", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    expect(consumer.health()).toEqual({ status: "stopped" });
    const starting = consumer.start();
    await Promise.resolve();
    await Promise.resolve();
    expect(consumer.health().status).toBe("starting");
    await bench.run(starting);
    expect(consumer.health()).toEqual({
      status: "healthy",
      lastPollAt: new Date(bench.clock.now()),
    });
    await bench.run(consumer.stop());
    expect(consumer.health().status).toBe("stopped");
    expect(changes(told)).toEqual([
      "stopped → starting",
      "starting → healthy",
      "healthy → stopped",
    ]);
  });

  it.each([
    ["the queue is deleted", missing],
    ["permission is denied", denied],
    [
      "the request is refused for what it is",
      () => serviceError("ReceiveMessage", "InvalidAddress"),
    ],
  ])("is failing when %s: said once, while polling goes on", async (_, trouble) => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(trouble()));
    await bench.clock.advance(21_000);
    expect(consumer.health()).toMatchObject({ status: "failing", reason: trouble().message });
    const tries = only(told, "pollFailed").length;
    await bench.clock.advance(600_000);
    expect(only(told, "pollFailed").length).toBeGreaterThan(tries + 20);
    expect(changes(told).slice(2)).toEqual(["healthy → failing"]);
    expect(bench.logged.filter(({ message }) => /failing/.test(message))).toHaveLength(1);

    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(consumer.health()).toEqual({ status: "healthy", lastPollAt: expect.any(Date) });
    expect(changes(told).slice(2)).toEqual(["healthy → failing", "failing → healthy"]);
  });

  it.each([
    ["connections are refused", refused],
    ["SQS throttles", throttled],
  ])("is degraded while %s, and failing once that has lasted a minute", async (_, trouble) => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    const { lastPollAt } = consumer.health();
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(trouble()));
    await bench.clock.advanceUntil(() => only(told, "pollFailed").length === 1);
    await bench.clock.advance(30_000);
    expect(consumer.health()).toEqual({
      status: "degraded",
      reason: trouble().message,
      lastPollAt: new Date(bench.clock.now() - 30_000),
    });
    expect(consumer.health().lastPollAt).not.toEqual(lastPollAt);
    await bench.clock.advance(60_000);
    expect(consumer.health()).toMatchObject({ status: "failing" });
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(changes(told).slice(2)).toEqual([
      "healthy → degraded",
      "degraded → failing",
      "failing → healthy",
    ]);
  });

  it("knows when the last poll was answered, also while no message comes", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(65_000);
    expect(consumer.health().lastPollAt).toEqual(new Date(bench.clock.now() - 5_000));
  });

  it("is degraded while settlements fail, and healthy when one is confirmed", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(refused()));
    await bench.send("1");
    await bench.clock.advance(1_000);
    expect(consumer.health()).toMatchObject({ status: "degraded", reason: refused().message });
    bench.sqs.intercept("DeleteMessageBatch", undefined);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(consumer.health().status).toBe("healthy");
    expect(changes(told).slice(2)).toEqual(["healthy → degraded", "degraded → healthy"]);
  });

  it("is failing while settlements are denied: each message would be done again and again", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(denied()));
    await bench.send("1");
    await bench.clock.advance(1_000);
    expect(consumer.health()).toMatchObject({ status: "failing", reason: denied().message });
    await bench.clock.advance(600_000);
    expect(consumer.health().status).toBe("failing");
    bench.sqs.intercept("DeleteMessageBatch", undefined);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(consumer.health().status).toBe("healthy");
  });

  it("forgets after a minute a settlement that failed, when none has been tried since", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("DeleteMessageBatch", (_, { QueueUrl, Entries }) => {
      // Refused for good, but gone: somebody else has deleted it.
      const Failed = Entries.map(({ Id }) => ({
        Id,
        Code: "ReceiptHandleIsInvalid",
        SenderFault: true,
      }));
      return bench.service
        .call("DeleteMessageBatch", { QueueUrl, Entries })
        .then(() => ({ Failed }));
    });
    await bench.send("1");
    await bench.clock.advance(1_000);
    expect(only(told, "settleFailed")).toHaveLength(1);
    expect(consumer.health().status).toBe("degraded");
    await bench.clock.advance(60_000);
    expect(consumer.health().status).toBe("healthy");
    await bench.clock.advance(30_000);
    expect(changes(told).slice(2)).toEqual(["healthy → degraded", "degraded → healthy"]);
  });

  it("is failing while extensions of leases are denied: what takes long is done again and again", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "30" });
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 33_000) });
    await bench.start(consumer);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", () => Promise.reject(denied()));
    await bench.send("slow");
    await bench.clock.advance(20_000);
    expect(consumer.health()).toMatchObject({ status: "failing", reason: denied().message });
    // Each try brings the same, and between two messages none is made for a while.
    await bench.clock.advance(600_000);
    expect(consumer.health()).toMatchObject({ status: "failing", reason: denied().message });
    expect(only(told, "leaseLost").length).toBeGreaterThan(10);
    expect(changes(told).slice(2)).toEqual(["healthy → failing"]);
    const warnings = bench.logged.filter(({ message }) => /extend/.test(message));
    expect(warnings).toEqual([
      { level: "warn", message: expect.any(String), data: { error: expect.any(SqsError) } },
    ]);

    bench.sqs.intercept("ChangeMessageVisibilityBatch", undefined);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(consumer.health().status).toBe("healthy");
    expect(changes(told).slice(2)).toEqual(["healthy → failing", "failing → healthy"]);
  });

  it("is degraded while extensions fail in a way that passes, and healthy when one succeeds", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "30" });
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 100_000) });
    await bench.start(consumer);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", (next) =>
      bench.clock.monotonicMs() < 22_000 ? Promise.reject(refused()) : next(),
    );
    await bench.send("slow");
    await bench.clock.advance(20_000);
    expect(consumer.health()).toMatchObject({ status: "degraded", reason: refused().message });
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(changes(told).slice(2)).toEqual(["healthy → degraded", "degraded → healthy"]);
    expect(bench.logged.filter(({ message }) => /extend/.test(message))).toHaveLength(1);
  });

  it("forgets an extension that failed when none was tried for as long as a lease lasts", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "600" });
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 310_000) });
    await bench.start(consumer);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", () => Promise.reject(denied()));
    await bench.send("slow");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    await bench.clock.advance(580_000);
    expect(consumer.health().status).toBe("failing");
    await bench.clock.advance(20_000);
    expect(consumer.health().status).toBe("healthy");
    expect(changes(told).slice(2)).toEqual(["healthy → failing", "failing → healthy"]);
  });

  it("says the gravest first", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(denied()));
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(refused()));
    await bench.send("1");
    await bench.clock.advance(5_000);
    expect(consumer.health()).toMatchObject({ status: "failing", reason: denied().message });
  });

  it("stays healthy while polls are held off for good reasons: pause, busy workers", async () => {
    const bench = await Bench.open();
    const slow = deferred();
    const { consumer, told } = bench.consumer({
      concurrency: 1,
      prefetch: 0,
      handle: () => slow.promise,
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(600_000);
    expect(consumer.health().status).toBe("healthy");
    slow.resolve();
    consumer.pause();
    await bench.clock.advance(600_000);
    expect(consumer.health().status).toBe("healthy");
    expect(changes(told)).toHaveLength(2);
  });

  it("is degraded, and no more, when a poll failed and a pause holds the next ones off", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(refused()));
    await bench.clock.advanceUntil(() => only(told, "pollFailed").length === 1);
    consumer.pause();
    await bench.clock.advance(600_000);
    expect(consumer.health()).toMatchObject({ status: "degraded", reason: refused().message });
    // The time in which nothing was tried does not count.
    consumer.resume();
    await bench.clock.advanceUntil(() => only(told, "pollFailed").length === 2);
    expect(consumer.health().status).toBe("degraded");
    await bench.clock.advance(90_000);
    expect(consumer.health().status).toBe("failing");
    expect(changes(told).slice(2)).toEqual(["healthy → degraded", "degraded → failing"]);
  });

  it("is degraded, and no more, when a poll failed and a limit holds the next ones off", async () => {
    const bench = await Bench.open();
    let allowed = 10;
    const { consumer, told } = bench.consumer({ handle: () => {}, limits: [() => allowed] });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(refused()));
    await bench.clock.advanceUntil(() => only(told, "pollFailed").length === 1);
    allowed = 0;
    await bench.clock.advance(600_000);
    expect(consumer.health()).toMatchObject({ status: "degraded", reason: refused().message });
    expect(changes(told).slice(2)).toEqual(["healthy → degraded"]);
    allowed = 10;
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(changes(told).slice(2)).toEqual(["healthy → degraded", "degraded → healthy"]);
  });

  it("tells that trouble is forgotten also while nothing is polled", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(refused()));
    await bench.send("1");
    await bench.clock.advanceUntil(() => consumer.health().status === "degraded");
    consumer.pause();
    await bench.clock.advanceUntil(() => only(told, "settleFailed").length === 1);
    await bench.clock.advance(60_000);
    expect(consumer.health().status).toBe("healthy");
    expect(changes(told).slice(2)).toEqual(["healthy → degraded", "degraded → healthy"]);
  });

  it("starts afresh with each start", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(missing()));
    await bench.clock.advance(30_000);
    expect(consumer.health().status).toBe("failing");
    await bench.run(consumer.stop());
    expect(consumer.health()).toMatchObject({ status: "stopped" });
    expect(consumer.health().reason).toBeUndefined();
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.start(consumer);
    expect(consumer.health().status).toBe("healthy");

    bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(denied()));
    await bench.send("1");
    await bench.clock.advance(1_000);
    expect(consumer.health().status).toBe("failing");
    await bench.run(consumer.stop({ deadlineMs: 0 }));
    await bench.start(consumer);
    expect(consumer.health().status).toBe("healthy");
  });

  it("may be what stops the consumer", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    let stopping: Promise<unknown> | undefined;
    consumer.on("stateChanged", ({ to }) => {
      if (to === "failing") stopping = consumer.stop();
    });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(missing()));
    await bench.clock.advance(30_000);
    await bench.run(stopping ?? never());
    const calls = bench.sqs.calls.length;
    await bench.clock.advance(60_000);
    expect(bench.sqs.calls).toHaveLength(calls);
    expect(bench.clock.pendingTimers).toBe(0);
  });
});
