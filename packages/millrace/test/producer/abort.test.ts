import { expect, it } from "vitest";
import { createBench, listeners, watch } from "./bench.ts";
import { connectionError, fifoUrl } from "./scripted-sqs.ts";

it("refuses a signal that has aborted already", async () => {
  const { clock, sqs, producer, finish } = createBench();
  await expect(producer.send("a", { signal: AbortSignal.abort("no") })).rejects.toBe("no");
  await clock.advance(10);
  expect(sqs.batches).toEqual([]);
  await finish();
});

it("withdraws a send that waits for company, and the timer if it was the last", async () => {
  const { clock, sqs, producer, finish } = createBench();
  const controller = new AbortController();
  const a = producer.send("a", { signal: controller.signal });
  const b = producer.send("b");
  controller.abort(new Error("stop"));
  await expect(a).rejects.toThrow("stop");
  await clock.advance(15);
  await b;
  expect(sqs.batches).toEqual([["b"]]);

  const last = new AbortController();
  const c = producer.send("c", { signal: last.signal });
  last.abort(new Error("stop"));
  await expect(c).rejects.toThrow("stop");
  expect(clock.pendingTimers).toBe(0);
  expect(listeners(controller.signal) + listeners(last.signal)).toBe(0);
  expect(producer.stats()).toMatchObject({ sent: 1, aborted: 2, failed: 0, pending: 0 });
  await finish();
});

it("withdraws a send that waits for room; the next one takes its place", async () => {
  const { clock, sqs, producer, finish } = createBench({ maxPending: 1 });
  const controller = new AbortController();
  void producer.send("a");
  const b = producer.send("b", { signal: controller.signal });
  const c = producer.send("c");
  controller.abort(new Error("stop"));
  await expect(b).rejects.toThrow("stop");
  await clock.advanceUntil(() => producer.stats().pending === 0);
  await c;
  expect(sqs.bodies).toEqual(["a", "c"]);
  await finish();
});

it("gives room to the next when a send under way is aborted", async () => {
  const { clock, sqs, producer, finish } = createBench({ maxPending: 1 });
  const controller = new AbortController();
  const a = watch(producer.send("a", { signal: controller.signal }));
  const b = watch(producer.send("b"));
  controller.abort();
  await clock.advance(15);
  expect([a.outcome, b.outcome]).toEqual(["rejected", "resolved"]);
  expect(sqs.bodies).toEqual(["b"]);
  await finish();
});

it("rejects a send that is in a request at once, though the message goes out", async () => {
  const { clock, sqs, producer, finish } = createBench();
  const controller = new AbortController();
  const a = producer.send("a", { signal: controller.signal });
  const b = watch(producer.send("b"));
  await clock.advance(6);
  controller.abort(new Error("stop"));
  await expect(a).rejects.toThrow("stop");
  expect(b.outcome).toBe("pending");
  await clock.advance(10);
  expect(b.outcome).toBe("resolved");
  expect(sqs.bodies).toEqual(["a", "b"]);
  expect(producer.stats()).toMatchObject({ sent: 1, aborted: 1, pending: 0 });
  await finish();
});

it("does not try a send again that was aborted during its attempt", async () => {
  const { clock, sqs, producer, finish } = createBench({ queue: fifoUrl });
  sqs.request = (_, nth) => (nth === 1 ? connectionError() : "answer");
  const controller = new AbortController();
  const a0 = watch(producer.send("a0", { groupId: "a", signal: controller.signal }));
  const a1 = watch(producer.send("a1", { groupId: "a" }));
  await clock.advance(6);
  controller.abort();
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(sqs.batches).toEqual([["a0"], ["a1"]]);
  expect([a0.outcome, a1.outcome]).toEqual(["rejected", "resolved"]);
  await finish();
});

it("withdraws a send between two attempts, and the backoff if it was the last that waited", async () => {
  const { clock, sqs, producer, finish } = createBench();
  sqs.request = () => connectionError();
  const controllers = [new AbortController(), new AbortController()];
  const sends = controllers.map(({ signal }, i) => watch(producer.send(`${i}`, { signal })));
  await clock.advanceUntil(() => sqs.batches.length === 1 && sqs.open === 0);
  expect(clock.pendingTimers).toBe(1);
  controllers[0]?.abort();
  expect(clock.pendingTimers).toBe(1);
  controllers[1]?.abort();
  expect(clock.pendingTimers).toBe(0);
  await clock.advance(10_000);
  expect(sqs.batches).toHaveLength(1);
  expect(sends.map(({ outcome }) => outcome)).toEqual(["rejected", "rejected"]);
  expect(controllers.map(({ signal }) => listeners(signal))).toEqual([0, 0]);
  await finish();
});

it("leaves no listener on a signal that many sends share, however they end", async () => {
  const { clock, sqs, producer, finish } = createBench({ retry: { giveUpAfterMs: 200 } });
  sqs.entry = (body) => {
    if (body === "refused") return { code: "Bad", senderFault: true };
    return body === "lost" ? { code: "InternalError", senderFault: false } : "accept";
  };
  const { signal } = new AbortController();
  for (const body of ["sent", "refused", "lost", ""]) {
    producer.send(body, { signal }).catch(() => undefined);
  }
  expect(listeners(signal)).toBe(1);
  await clock.advanceUntil(() => producer.stats().pending === 0);
  expect(listeners(signal)).toBe(0);
  expect(producer.stats()).toMatchObject({ sent: 1, failed: 3 });
  await finish();
});
