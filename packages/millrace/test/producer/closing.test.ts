import { expect, it } from "vitest";
import { createBench, listeners, watch } from "./bench.ts";
import { connectionError } from "./scripted-sqs.ts";

it("flushes, those that wait for room too, then refuses", async () => {
  const options = { maxPending: 2, batch: { maxWaitMs: 30_000 } };
  const { clock, sqs, producer, finish } = createBench(options);
  const sends = ["a", "b", "c"].map((body) => watch(producer.send(body)));
  const { signal } = new AbortController();
  const closed = watch(producer.close({ signal }));
  await expect(producer.send("late")).rejects.toMatchObject({
    code: "PRODUCER_CLOSED",
    mayBeSent: false,
  });
  expect(closed.outcome).toBe("pending");
  await clock.advance(20);
  expect(closed.outcome).toBe("resolved");
  expect(sends.map(({ outcome }) => outcome)).toEqual(["resolved", "resolved", "resolved"]);
  expect(sqs.bodies).toEqual(["a", "b", "c"]);
  expect(listeners(signal)).toBe(0);
  await producer.close();
  await producer[Symbol.asyncDispose]();
  await finish();
});

it("waits for retries, and for a request whose sends were all aborted", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.request = (_, nth) => (nth === 1 ? connectionError() : "answer");
  const a = watch(producer.send("a"));
  const closed = watch(producer.close());
  await clock.advance(9);
  expect(closed.outcome).toBe("pending");
  await clock.advanceUntil(() => a.outcome === "resolved");
  await clock.settle();
  expect(closed.outcome).toBe("resolved");
  await finish();

  const aborting = createBench();
  const controller = new AbortController();
  const b = watch(aborting.producer.send("b", { signal: controller.signal }));
  await aborting.clock.advance(6);
  controller.abort();
  const then = watch(aborting.producer.close());
  await aborting.clock.settle();
  expect([b.outcome, then.outcome, aborting.sqs.open]).toEqual(["rejected", "pending", 1]);
  await aborting.clock.advance(10);
  expect([then.outcome, aborting.sqs.open]).toEqual(["resolved", 0]);
  await aborting.finish();
});

it("ends at once when its signal aborts, and says of each send whether it may have arrived", async () => {
  const { clock, sqs, producer, finish } = createBench({ maxPending: 3, maxInFlight: 1 });
  sqs.latencyMs = () => 30_000;
  const inFlight = producer.send("in flight").catch((error: unknown) => error);
  await clock.advance(6);
  const queued = producer.send("queued").catch((error: unknown) => error);
  const more = ["b", "c"].map((body) => watch(producer.send(body)));
  const controller = new AbortController();
  const first = watch(producer.close());
  const second = watch(producer.close({ signal: controller.signal }));
  await clock.advance(1_000);
  expect([first.outcome, second.outcome]).toEqual(["pending", "pending"]);
  controller.abort(new Error("the process must end"));
  await clock.settle();
  expect([first.outcome, second.outcome, sqs.open]).toEqual(["resolved", "resolved", 0]);
  expect(await inFlight).toMatchObject({
    code: "PRODUCER_CLOSED",
    mayBeSent: true,
    cause: { message: "the process must end" },
  });
  expect(await queued).toMatchObject({ code: "PRODUCER_CLOSED", mayBeSent: false });
  expect(more.map(({ outcome }) => outcome)).toEqual(["rejected", "rejected"]);
  expect(listeners(controller.signal)).toBe(0);
  expect(clock.pendingTimers).toBe(0);
  expect(sqs.batches).toHaveLength(1);
  await finish();
});

it("ends a backoff and a look-up too, with a signal that has aborted already", async () => {
  const { clock, sqs, producer, finish } = createBench({ queue: "orders" });
  sqs.latencyMs = () => 10_000;
  const a = watch(producer.send("a"));
  await clock.advance(6);
  expect(sqs.lookups).toHaveLength(1);
  await producer.close({ signal: AbortSignal.abort() });
  expect([a.outcome, clock.pendingTimers]).toEqual(["rejected", 0]);
  await finish();

  const backoff = createBench();
  backoff.sqs.request = () => connectionError();
  const b = watch(backoff.producer.send("b"));
  await backoff.clock.advance(11);
  await backoff.producer.close({ signal: AbortSignal.abort() });
  expect([b.outcome, backoff.clock.pendingTimers]).toEqual(["rejected", 0]);
  await backoff.finish();
});

it("a flush that is aborted leaves the sends alone", async () => {
  const { clock, sqs, producer, finish } = createBench();
  await expect(producer.flush({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
  const a = watch(producer.send("a"));
  const controller = new AbortController();
  const flushed = producer.flush({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(flushed).rejects.toThrow("enough");
  expect(sqs.batches).toEqual([["a"]]);
  const waits = watch(producer.send("waits for company again"));
  await clock.advance(4);
  expect(sqs.batches).toHaveLength(1);
  await clock.advance(20);
  expect(waits.outcome).toBe("resolved");
  expect(a.outcome).toBe("resolved");
  const { signal } = new AbortController();
  void producer.send("b");
  const done = watch(producer.flush({ signal }));
  await clock.advance(10);
  expect([done.outcome, listeners(signal)]).toEqual(["resolved", 0]);
  await finish();
});
