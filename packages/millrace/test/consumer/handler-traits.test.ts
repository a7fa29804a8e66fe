/**
 * What a handler says of itself: how many calls it can run at once, which is a consumer's concurrency unless it is
 * told another, and which of a consumer's options it can be.
 */
import { Consumer, OptionError } from "millrace";
import type { ConsumerOptions, HandlerTraits } from "millrace";
import { expect, it } from "vitest";
import { Bench } from "./bench.ts";
import { deferred } from "./faults.ts";

/** A handler of that many at once, and how many were at the most. */
function counted(traits: HandlerTraits): {
  readonly handle: (() => Promise<void>) & HandlerTraits;
  readonly most: () => number;
  readonly finish: () => void;
} {
  const over = deferred();
  let running = 0;
  let most = 0;
  const handle = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await over.promise;
    running -= 1;
  };
  return { handle: Object.assign(handle, traits), most: () => most, finish: over.resolve };
}

const bodies = Array.from({ length: 15 }, (_, index) => `${index}`);

it.each([
  ["what it can run at once", {}, { maxConcurrency: 3 }, 3],
  ["what the consumer is told, if that is less", { concurrency: 2 }, { maxConcurrency: 3 }, 2],
  ["what the consumer is told, if that is more", { concurrency: 4 }, { maxConcurrency: 3 }, 4],
  ["ten when it does not say", {}, { maxConcurrency: undefined }, 10],
])("is called for %s", async (_, options, traits, expected) => {
  const bench = await Bench.open();
  const { handle, most, finish } = counted(traits);
  const { consumer } = bench.consumer({ handle, prefetch: 20, ...options });
  await bench.send(...bodies);
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().inHand === bodies.length);
  expect(most()).toBe(expected);
  finish();
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === bodies.length);
});

it("is called for as many batches as it can run at once", async () => {
  const bench = await Bench.open();
  const { handle, most, finish } = counted({ maxConcurrency: 2, takes: "batch" });
  const batch = { maxSize: 2, maxWaitMs: 0 };
  const { consumer } = bench.consumer({ handleBatch: handle, prefetch: 20, batch });
  await bench.send(...bodies);
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().inHand === bodies.length);
  expect(most()).toBe(2);
  finish();
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === bodies.length);
});

it("has each start warn when the consumer's concurrency is more than it can run at once", async () => {
  const bench = await Bench.open();
  const handle = Object.assign(() => {}, { maxConcurrency: 2 });
  for (const concurrency of [3, 2, undefined]) {
    const { consumer } = bench.consumer({ handle, concurrency });
    expect(bench.logged).toEqual([]);
    for (const _ of ["a start", "another"]) {
      await bench.start(consumer);
      await bench.run(consumer.stop());
    }
    const warnings = bench.logged.splice(0);
    expect(warnings).toHaveLength(concurrency === 3 ? 2 : 0);
    for (const warning of warnings) {
      expect(warning).toMatchObject({
        level: "warn",
        message: expect.stringMatching(/^concurrency is 3, and the handler runs 2 at once/),
        data: { concurrency: 3, maxConcurrency: 2 },
      });
    }
  }
});

it("that can run more than any consumer makes has the most that one makes", () => {
  const handle = Object.assign(() => {}, { maxConcurrency: Number.MAX_SAFE_INTEGER });
  expect(new Consumer({ queue: "jobs", handle })).toBeInstanceOf(Consumer);
});

it.each([
  ["maxConcurrency", 0, "0"],
  ["maxConcurrency", -1, "-1"],
  ["maxConcurrency", 1.5, "1.5"],
  ["maxConcurrency", NaN, "NaN"],
  ["maxConcurrency", Infinity, "Infinity"],
  ["maxConcurrency", "2", '"2"'],
  ["maxConcurrency", 2n, "2n"],
  ["maxConcurrency", null, "null"],
  ["maxConcurrency", () => 2, "a function"],
  ["takes", "messages", '"messages"'],
  ["takes", 1, "1"],
  ["takes", null, "null"],
])("is refused when its %s is %s", (trait, value, shown) => {
  const handler = Object.assign(() => {}, { [trait]: value });
  for (const option of ["handle", "handleBatch"]) {
    const make = (): unknown =>
      new Consumer({ queue: "jobs", [option]: handler } as unknown as ConsumerOptions<string>);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(expect.objectContaining({ option: `${option}.${trait}` }));
    expect(make).toThrow(`received ${shown}`);
  }
});

it("is refused as the option that it is not for", () => {
  const one = Object.assign(() => {}, { takes: "message" as const });
  const batch = Object.assign(() => {}, { takes: "batch" as const });
  const queue = "jobs";
  expect(() => new Consumer({ queue, handleBatch: one })).toThrow(
    "handleBatch must be a function that takes a batch: this one takes a message, and is for handle; received a function",
  );
  expect(() => new Consumer({ queue, handle: batch })).toThrow(
    "handle must be a function that takes a message: this one takes a batch, and is for handleBatch",
  );
  expect(() => new Consumer({ queue, handle: one })).not.toThrow();
  expect(() => new Consumer({ queue, handleBatch: batch })).not.toThrow();
});
