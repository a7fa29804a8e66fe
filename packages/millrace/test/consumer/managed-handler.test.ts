/**
 * Handlers with something to set up and to clear away: told of a consumer's starts and stops, in the right
 * order, and as often.
 */
import { ConsumerStoppedError } from "millrace";
import type { ManagedHandler } from "millrace";
import { expect, it } from "vitest";
import { Bench } from "./bench.ts";
import { deferred, denied, errorOf, never } from "./faults.ts";

/** A handler that writes down what it is told. */
function managed(
  told: string[],
  parts: Partial<Pick<ManagedHandler<string>, "start" | "stop">> = {},
): ManagedHandler<string> {
  const handle = (message: { readonly body: string }): void => void told.push(message.body);
  return Object.assign(handle, {
    start: (options: { readonly signal: AbortSignal }) => {
      told.push("start");
      return parts.start?.(options) ?? Promise.resolve();
    },
    stop: () => {
      told.push("stop");
      return parts.stop?.() ?? Promise.resolve();
    },
  });
}

it("is started before the first poll, and stopped when the last handler has ended", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const slow = deferred();
  const handle = Object.assign(
    async () => {
      told.push("handle");
      await slow.promise;
      told.push("handled");
    },
    managed(told, {
      start: async () => expect(bench.sqs.of("ReceiveMessage")).toEqual([]),
    }),
  );
  const { consumer } = bench.consumer({ handle });
  await bench.send("1");
  for (let round = 0; round < 2; round += 1) {
    await bench.start(consumer);
    await bench.clock.advance(100);
    const stopping = consumer.stop();
    await bench.clock.advance(100);
    slow.resolve();
    await bench.run(stopping);
    bench.sqs.calls.length = 0;
  }
  expect(told).toEqual(["start", "handle", "handled", "stop", "start", "stop"]);
});

it("is told as well when it handles batches", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const { start, stop } = managed(told);
  const handleBatch = Object.assign(() => void told.push("batch"), { start, stop });
  const { consumer } = bench.consumer({ handleBatch, batch: { maxWaitMs: 0 } });
  await bench.send("1");
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
  await bench.run(consumer.stop());
  expect(told).toEqual(["start", "batch", "stop"]);
});

it("that does not start rejects the consumer's start, and is not stopped", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const refusal = new Error("no such module");
  let refuse = true;
  const start = (): Promise<void> => (refuse ? Promise.reject(refusal) : Promise.resolve());
  const { consumer } = bench.consumer({ handle: managed(told, { start }) });
  await expect(bench.start(consumer)).rejects.toBe(refusal);
  expect(consumer.health().status).toBe("stopped");
  expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
  expect(bench.clock.pendingTimers).toBe(0);
  await consumer.stop();
  refuse = false;
  await bench.start(consumer);
  await bench.run(consumer.stop());
  expect(told).toEqual(["start", "start", "stop"]);
});

it("is stopped when the start fails after it", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const { consumer } = bench.consumer({ handle: managed(told) });
  bench.sqs.intercept("ReceiveMessage", () => Promise.reject(denied()));
  await expect(bench.start(consumer)).rejects.toMatchObject({ category: "denied" });
  expect(told).toEqual(["start", "stop"]);
});

it("is stopped once when the consumer is stopped while its start fails", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const cleared = deferred();
  const { consumer } = bench.consumer({ handle: managed(told, { stop: () => cleared.promise }) });
  bench.sqs.intercept("ReceiveMessage", () => Promise.reject(denied()));
  const rejection = errorOf(consumer.start());
  await bench.clock.advance(100);
  expect(told).toEqual(["start", "stop"]);
  const stopping = consumer.stop();
  await bench.clock.advance(100);
  cleared.resolve();
  await bench.run(stopping);
  expect(await rejection).toMatchObject({ category: "denied" });
  expect(told).toEqual(["start", "stop"]);
  expect(consumer.health().status).toBe("stopped");
});

it("is not started for a queue that is missing", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const { consumer } = bench.consumer({ queue: "nothing", handle: managed(told) });
  await expect(bench.start(consumer)).rejects.toMatchObject({ category: "missingQueue" });
  expect(told).toEqual([]);
});

it("is told by its signal when the consumer is stopped while it starts", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const start = ({ signal }: { readonly signal: AbortSignal }): Promise<void> =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const { consumer } = bench.consumer({ handle: managed(told, { start }) });
  const rejection = errorOf(consumer.start());
  await bench.clock.advance(100);
  await bench.run(consumer.stop());
  expect(await rejection).toBeInstanceOf(ConsumerStoppedError);
  expect(told).toEqual(["start"]);
});

it("that ignores the signal of its start holds no stop up, and is stopped when it has started after all", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const started = deferred();
  const { consumer } = bench.consumer({ handle: managed(told, { start: () => started.promise }) });
  const rejection = errorOf(consumer.start());
  await bench.clock.advance(100);
  await bench.run(consumer.stop());
  expect(bench.clock.monotonicMs()).toBe(100 + 5_000);
  expect(await rejection).toBeInstanceOf(ConsumerStoppedError);
  expect(consumer.health().status).toBe("stopped");
  expect(bench.logged).toEqual([
    {
      level: "error",
      message: "the handler's start did not end within 5000 ms of its signal's abort",
      data: { error: expect.any(ConsumerStoppedError) },
    },
  ]);
  expect(told).toEqual(["start"]);
  started.resolve();
  await bench.clock.settle();
  expect(told).toEqual(["start", "stop"]);
  expect(bench.clock.pendingTimers).toBe(0);
});

it("whose start stops the consumer itself is given up as soon", async () => {
  const bench = await Bench.open();
  let stopping: Promise<unknown> | undefined;
  const { consumer } = bench.consumer({
    handle: managed([], {
      start: () => {
        stopping = consumer.stop();
        return never();
      },
    }),
  });
  const rejection = errorOf(consumer.start());
  await bench.clock.advance(5_000);
  expect(await rejection).toBeInstanceOf(ConsumerStoppedError);
  await stopping;
});

it("that does not end its stop is logged, and the consumer has stopped all the same", async () => {
  const bench = await Bench.open();
  const { consumer } = bench.consumer({ handle: managed([], { stop: () => never() }) });
  await bench.start(consumer);
  const fromMs = bench.clock.monotonicMs();
  await bench.run(consumer.stop());
  expect(bench.clock.monotonicMs() - fromMs).toBe(10_000);
  expect(consumer.health().status).toBe("stopped");
  expect(bench.logged).toMatchObject([
    { level: "error", message: "the handler could not be stopped" },
  ]);
  expect(bench.clock.pendingTimers).toBe(0);
});

it("that starts in spite of a stop meanwhile is stopped", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const started = deferred();
  const { consumer } = bench.consumer({ handle: managed(told, { start: () => started.promise }) });
  const rejection = errorOf(consumer.start());
  await bench.clock.advance(100);
  const stopping = consumer.stop();
  started.resolve();
  await bench.run(stopping);
  expect(await rejection).toBeInstanceOf(ConsumerStoppedError);
  expect(told).toEqual(["start", "stop"]);
});

it("is stopped after a handler was left behind", async () => {
  const bench = await Bench.open();
  const told: string[] = [];
  const handle = Object.assign(() => never(), managed(told));
  const { consumer } = bench.consumer({ handle });
  await bench.send("1");
  await bench.start(consumer);
  await bench.clock.advance(100);
  expect(await bench.run(consumer.stop({ deadlineMs: 0 }))).toMatchObject({ abandoned: 1 });
  expect(told).toEqual(["start", "stop"]);
});

it("that does not stop is logged, and the consumer has stopped all the same", async () => {
  const bench = await Bench.open();
  const error = new Error("it clings");
  const { consumer } = bench.consumer({
    handle: managed([], { stop: () => Promise.reject(error) }),
  });
  await bench.start(consumer);
  await bench.run(consumer.stop());
  expect(consumer.health().status).toBe("stopped");
  expect(bench.logged).toEqual([
    { level: "error", message: "the handler could not be stopped", data: { error } },
  ]);
});
