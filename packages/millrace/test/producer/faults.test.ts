import type { Clock } from "millrace";
import { expect, it } from "vitest";
import { markMayBeApplied, SqsServiceError } from "../../src/sqs/errors.ts";
import { createBench, watch } from "./bench.ts";
import { connectionError, fifoUrl, serviceError } from "./scripted-sqs.ts";

it("tries again only the entries that SQS failed, and leaves the others as they are", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.entry = (body, nth) =>
    body === "b" && nth < 3 ? { code: "InternalError", senderFault: false } : "accept";
  const sends = ["a", "b", "c"].map((body) => producer.send(body));
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(sqs.batches).toEqual([["a", "b", "c"], ["b"], ["b"]]);
  expect((await Promise.all(sends)).map(({ messageId }) => messageId)).toEqual([
    "id of a",
    "id of b",
    "id of c",
  ]);
  await finish();
});

it("tries a throttled entry again, though SQS calls it the sender's fault", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.entry = (_, nth) => (nth < 2 ? { code: "RequestThrottled", senderFault: true } : "accept");
  const sent = producer.send("a");
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(await sent).toEqual({ messageId: "id of a", sequenceNumber: undefined });
  await finish();
});

it("tries an entry again about which the answer says nothing", async () => {
  const { clock, sqs, producer, finish } = createBench();
  const call = sqs.call.bind(sqs);
  let forgetful = true;
  sqs.call = async (operation, input, options) => {
    const output = await call(operation, input, options);
    if (!forgetful) return output;
    forgetful = false;
    return {};
  };
  const sent = producer.send("a");
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(await sent).toMatchObject({ messageId: "id of a" });
  expect(sqs.batches).toHaveLength(2);
  await finish();
});

it.each([
  ["a connection that breaks", () => connectionError()],
  ["a fault of SQS", () => serviceError("InternalFailure", 500)],
  ["a throttle", () => serviceError("ThrottlingException", 400)],
])("tries a whole batch again, together, after %s", async (_, error) => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.request = (_bodies, nth) => (nth < 3 ? error() : "answer");
  const sends = ["a", "b", "c"].map((body) => producer.send(body));
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(sqs.batches).toEqual([
    ["a", "b", "c"],
    ["a", "b", "c"],
    ["a", "b", "c"],
  ]);
  await Promise.all(sends);
  await finish();
});

it("backs off with full jitter: up to the base, doubled each time, capped", async () => {
  let draw = 0.5;
  const retry = { baseMs: 100, maxMs: 300, giveUpAfterMs: 100_000 };
  const { clock, sqs, producer, finish } = createBench({ retry, random: () => draw });
  sqs.latencyMs = () => 0;
  sqs.request = (_, nth) => (nth < 6 ? connectionError() : "answer");
  void producer.send("a");
  await clock.advanceUntil(() => sqs.batches.length === 4);
  draw = 1;
  await clock.advanceUntil(() => sqs.batches.length === 5);
  draw = 0;
  await clock.advanceUntil(() => sqs.batches.length === 6);
  const waits = sqs.startedMs.slice(1).map((ms, index) => ms - (sqs.startedMs[index] ?? 0));
  expect(waits).toEqual([50, 100, 150, 150, 300]);
  await clock.settle();
  await finish();
});

it("gives up after giveUpAfterMs, and says that the message may have arrived", async () => {
  const { clock, sqs, producer, finish } = createBench({ retry: { giveUpAfterMs: 1_000 } });
  sqs.request = () => connectionError();
  const sent = producer.send("a").catch((error: unknown) => error);
  await clock.advanceUntil(() => producer.stats().pending === 0);
  // None begins after that; one that has begun is waited for, which takes 10 ms here.
  expect(sqs.startedMs.at(-1)).toBeLessThanOrEqual(1_000);
  expect(clock.monotonicMs()).toBeLessThanOrEqual(1_010);
  expect(await sent).toMatchObject({
    code: "SEND_FAILED",
    attempts: sqs.batches.length,
    mayBeSent: true,
    cause: { code: "SQS_CONNECTION_FAILED" },
  });
  expect(sqs.batches.length).toBeGreaterThan(2);
  expect(producer.stats()).toMatchObject({ sent: 0, failed: 1 });
  await finish();
});

/** When each send is rejected, on the clock. */
function rejections(clock: Clock, sends: readonly Promise<unknown>[]): number[] {
  const rejectedMs: number[] = [];
  for (const send of sends) send.catch(() => rejectedMs.push(clock.monotonicMs()));
  return rejectedMs;
}

it("gives up in time what it could not even try, when SQS does not answer at all", async () => {
  const options = { maxInFlight: 1, maxPending: 5, retry: { giveUpAfterMs: 1_000 } };
  const { clock, sqs, producer, finish } = createBench({ ...options, batch: { maxSize: 1 } });
  sqs.latencyMs = () => 30_000;
  sqs.request = () => connectionError();
  const send = (_: unknown, i: number): Promise<unknown> => producer.send(`${i}`);
  const rejectedMs = rejections(clock, Array.from({ length: 50 }, send));
  await clock.advance(100);
  // Called later: some of them find room only when those before have been given up.
  const laterMs = rejections(clock, Array.from({ length: 10 }, send));
  await clock.advance(15_000);
  // But for the one that is in the request, which is waited for.
  expect(rejectedMs).toEqual([...Array.from({ length: 49 }, () => 1_000), 15_000]);
  expect(laterMs).toEqual(Array.from({ length: 10 }, () => 1_100));
  expect(sqs.batches).toHaveLength(1);
  await finish();
});

it("gives up in time what waits behind a request of its group, though others could begin", async () => {
  const options = { queue: fifoUrl, retry: { giveUpAfterMs: 1_000 } };
  const { clock, sqs, producer, finish } = createBench(options);
  sqs.latencyMs = () => 30_000;
  const first = producer.send("1", { groupId: "a" });
  const next = ["2", "3"].map((body) => producer.send(body, { groupId: "a" }));
  const rejectedMs = rejections(clock, next);
  await clock.advance(30_005);
  expect(rejectedMs).toEqual([1_000, 1_000]);
  expect(await first).toMatchObject({ messageId: "id of 1" });
  expect(sqs.bodies).toEqual(["1"]);
  await finish();
});

it("gives up in time what waits for room, though a request could begin", async () => {
  const options = { maxPending: 1, retry: { giveUpAfterMs: 1_000 } };
  const { clock, sqs, producer, finish } = createBench(options);
  sqs.latencyMs = () => 30_000;
  const first = producer.send("1");
  const rejectedMs = rejections(clock, [producer.send("2")]);
  await clock.advance(30_005);
  expect(rejectedMs).toEqual([1_000]);
  expect(await first).toMatchObject({ messageId: "id of 1" });
  await finish();
});

it("gives up in time what was tried and waits to be tried again, before what was called later", async () => {
  const options = { maxInFlight: 1, batch: { maxSize: 1 }, retry: { giveUpAfterMs: 1_000 } };
  const { clock, sqs, producer, finish } = createBench(options);
  sqs.request = ([body]) => {
    // The next one, which is answered, takes longer than the first is tried.
    sqs.latencyMs = () => 30_000;
    return body === "1" ? connectionError() : "answer";
  };
  const firstMs = rejections(clock, [producer.send("1")]);
  await clock.advance(3);
  const second = producer.send("2");
  const thirdMs = rejections(clock, [producer.send("3")]);
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(firstMs).toEqual([1_000]);
  expect(thirdMs).toEqual([1_003]);
  expect(await second).toMatchObject({ messageId: "id of 2" });
  await finish();
});

it("does not blame what was wrong before for a send whose turn did not come", async () => {
  const options = { maxInFlight: 1, batch: { maxSize: 1 }, retry: { giveUpAfterMs: 1_000 } };
  const { clock, sqs, producer, finish } = createBench(options);
  sqs.request = (_, nth) => (nth === 1 ? connectionError() : "answer");
  const first = producer.send("a");
  await clock.advanceUntil(() => producer.stats().pending === 0);
  await first;
  sqs.latencyMs = () => 2_000;
  const second = producer.send("b");
  const third = producer.send("c").catch((error: unknown) => error);
  await clock.advanceUntil(() => producer.stats().pending === 0);
  await second;
  const error = await third;
  expect(error).toMatchObject({ code: "SEND_FAILED", attempts: 0, mayBeSent: false });
  expect(error).toMatchObject({ message: expect.stringContaining("its turn did not come") });
  expect(error).not.toHaveProperty("cause");
  await finish();
});

it("blames for a send that was tried what it failed with, whatever came of others", async () => {
  const options = { maxInFlight: 1, batch: { maxSize: 1 }, retry: { giveUpAfterMs: 1_000 } };
  const { clock, sqs, producer, finish } = createBench(options);
  sqs.request = ([body]) => {
    // The next one, which is answered, takes longer than the first is tried.
    sqs.latencyMs = () => 2_000;
    return body === "a" ? connectionError() : "answer";
  };
  const first = producer.send("a").catch((error: unknown) => error);
  const second = producer.send("b");
  await clock.advanceUntil(() => producer.stats().pending === 0);
  await second;
  expect(await first).toMatchObject({
    code: "SEND_FAILED",
    attempts: 1,
    cause: { code: "SQS_CONNECTION_FAILED" },
  });
  await finish();
});

it("survives a port that never answers, and one that throws", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.call = () => new Promise(() => {});
  const sent = producer.send("a").catch((error: unknown) => error);
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(await sent).toMatchObject({ code: "SEND_FAILED", cause: { code: "SQS_TIMEOUT" } });
  sqs.call = () => {
    throw new TypeError("broken");
  };
  const thrown = producer.send("b").catch((error: unknown) => error);
  await clock.advance(10);
  expect(await thrown).toMatchObject({
    code: "SEND_FAILED",
    attempts: 1,
    mayBeSent: true,
    cause: { message: "broken" },
  });
  await finish();
});

it("rejects what SQS refuses, at once and alone", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.entry = (body) =>
    body === "b" ? { code: "InvalidMessageContents", senderFault: true } : "accept";
  const a = producer.send("a");
  const b = producer.send("b").catch((error: unknown) => error);
  await clock.advance(15);
  expect(await a).toMatchObject({ messageId: "id of a" });
  const error = await b;
  expect(error).toMatchObject({ code: "SEND_FAILED", attempts: 1, mayBeSent: false });
  expect((error as Error).cause).toBeInstanceOf(SqsServiceError);
  expect((error as Error).cause).toMatchObject({ errorName: "InvalidMessageContents" });
  expect(sqs.batches).toHaveLength(1);
  await finish();
});

it.each([
  ["a queue that is missing", () => serviceError("QueueDoesNotExist", 400)],
  ["a permission that is missing", () => serviceError("AccessDeniedException", 403)],
])("rejects at once for %s", async (_, error) => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.request = () => error();
  const sends = ["a", "b"].map((body) => watch(producer.send(body)));
  await clock.advance(15);
  expect(sends.map(({ outcome }) => outcome)).toEqual(["rejected", "rejected"]);
  expect(sqs.batches).toHaveLength(1);
  await finish();
});

it.each([
  ["refused", "AccessDeniedException", 403],
  ["refused as wrong", "InvalidParameterValue", 400],
  ["throttled", "ThrottlingException", 400],
])("says that a message may be sent which was %s, but not at first", async (_, name, status) => {
  const { clock, sqs, producer, finish } = createBench({ retry: { giveUpAfterMs: 100 } });
  const error = (): Error => markMayBeApplied(serviceError(name, status));
  sqs.request = (bodies) => (bodies.length === 2 ? error() : serviceError(name, status));
  const failed = ["a", "b"].map((body) => producer.send(body).catch((thrown: unknown) => thrown));
  await clock.advanceUntil(() => producer.stats().pending === 0);
  for (const each of failed) {
    expect(await each).toMatchObject({ code: "SEND_FAILED", mayBeSent: true });
  }
  await finish();
});

it.each([
  ["refused", () => serviceError("AccessDeniedException", 403)],
  ["throttled", () => serviceError("ThrottlingException", 400)],
  ["never sent", () => connectionError({ mayBeApplied: false })],
])("says that a message which was %s is not sent", async (_, error) => {
  const { clock, sqs, producer, finish } = createBench({ retry: { giveUpAfterMs: 100 } });
  sqs.request = error;
  const sent = producer.send("a").catch((thrown: unknown) => thrown);
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(await sent).toMatchObject({ code: "SEND_FAILED", mayBeSent: false });
  await finish();
});

it("finds the one that spoils a batch which is refused as a whole", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.request = (bodies) =>
    bodies.includes("bad") ? serviceError("InvalidParameterValue", 400) : "answer";
  const sends = ["a", "bad", "c"].map((body) => watch(producer.send(body)));
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(sends.map(({ outcome }) => outcome)).toEqual(["resolved", "rejected", "resolved"]);
  expect(sqs.batches).toEqual([["a", "bad", "c"], ["a"], ["bad"], ["c"]]);
  await finish();
});
