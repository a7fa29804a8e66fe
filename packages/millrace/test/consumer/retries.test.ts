/**
 * When failed messages come again. Numbers in the names of tests are those of the faults that other
 * consumers of SQS are known for; each test fails on a consumer that has its fault.
 */
import { deadLetter, exponentialBackoff, release, retry, sleep } from "millrace";
import type { Message, RetryPolicy } from "millrace";
import { describe, expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import { toVisibilitySeconds } from "../../src/consumer/retry-policy.ts";
import { expectRefusal, noFunctions, noNumbers, rows } from "../refusals.ts";
import { Bench, only } from "./bench.ts";

const changes = "ChangeMessageVisibilityBatch";

function fail(): never {
  throw new Error("on purpose");
}

/** What SQS was told, in seconds. */
function told(bench: Bench): (number | undefined)[] {
  return bench.sqs
    .of(changes)
    .flatMap(({ input }) => input.Entries.map((entry) => entry.VisibilityTimeout));
}

describe("a message that fails", () => {
  it("fault 14: a poison message is released with visibility 0 and comes back 800 times a second", async () => {
    const bench = await Bench.open();
    await bench.send("poison");
    const { consumer } = bench.consumer({ handle: fail });
    await bench.start(consumer);
    await bench.clock.advance(3_600_000);
    const { failed } = consumer.stats();
    // The ceiling doubles from 1 to 900 seconds: some seventeen times in the first hour.
    expect(failed).toBeGreaterThan(5);
    expect(failed).toBeLessThan(40);
    expect(Math.min(...told(bench).map(Number))).toBeGreaterThanOrEqual(1);
    expect(Math.max(...told(bench).map(Number))).toBeGreaterThan(100);
  });

  it("fault 15: backoff without jitter, or without cap, where no policy is given", async () => {
    const bench = await Bench.open();
    await bench.send(...Array.from({ length: 10 }, (_, index) => `poison ${index}`));
    const { consumer } = bench.consumer({ handle: fail });
    await bench.start(consumer);
    await bench.clock.advance(12 * 3_600_000);
    const delays = told(bench).map(Number);
    expect(Math.max(...delays)).toBeLessThanOrEqual(900);
    // Drawn anew each time, also when they grow no more: without jitter all of these would be 512 or 900.
    expect(new Set(delays.filter((seconds) => seconds > 450)).size).toBeGreaterThan(50);
  });

  it("comes again when the policy says, with its error told as it was thrown", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    const thrown = new RangeError("the original");
    const receives: number[] = [];
    const { consumer, told: events } = bench.consumer({
      handle: ({ receiveCount }) => {
        receives.push(bench.clock.monotonicMs());
        if (receiveCount < 3) throw thrown;
      },
      retry: ({ message, error }) => {
        expect(error).toBe(thrown);
        return 10 * message.receiveCount;
      },
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(receives).toEqual([0, 10_000, 30_000]);
    expect(only(events, "failed").map(({ error }) => error)).toEqual([thrown, thrown]);
    expect(only(events, "retried")).toMatchObject([
      { afterSeconds: 10, reason: "the original" },
      { afterSeconds: 20, reason: "the original" },
    ]);
  });

  it.each<[string, unknown, number]>([
    ["a fraction", 0.2, 1],
    ["less than nothing", -5, 0],
    ["more than SQS takes", 1e9, 43_140],
    ["Infinity", Infinity, 43_140],
    ["nothing", 0, 0],
  ])("fault 15: backoff negative, or beyond what SQS accepts: %s", async (_, answer, seconds) => {
    const bench = await Bench.open();
    await bench.send("a");
    const { consumer, told: events } = bench.consumer({
      handle: ({ receiveCount }) => (receiveCount === 1 ? fail() : undefined),
      retry: () => answer as number,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().retried === 1);
    expect(told(bench)).toEqual([seconds]);
    expect(only(events, "settleFailed")).toEqual([]);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
  });

  it.each<[string, RetryPolicy]>([
    ["NaN", () => Number.NaN],
    ["a string", () => "7" as never],
    ["a promise", () => Promise.resolve(7) as never],
    [
      "an error",
      () => {
        throw new TypeError("the policy is broken");
      },
    ],
  ])(
    "fault 15: a retry that masks the original error: the policy answers %s",
    async (_, policy) => {
      const bench = await Bench.open();
      await bench.send("a");
      const { consumer, told: events } = bench.consumer({ handle: fail, retry: policy });
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => consumer.stats().retried === 1);
      expect(only(events, "failed")).toMatchObject([{ error: { message: "on purpose" } }]);
      expect(told(bench)).toEqual([1]);
      expect(bench.logged).toMatchObject([{ level: "error" }]);
    },
  );

  it("stays within the 12 hours that SQS allows in all, however long the handler took", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    const { consumer, told: events } = bench.consumer({
      handle: async ({ receiveCount }) => {
        if (receiveCount === 2) return undefined;
        await sleep(bench.clock, 11 * 3_600_000);
        return retry({ afterSeconds: 43_200, reason: "later" });
      },
      visibilityTimeoutSeconds: 3_600,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().retried === 1);
    expect(told(bench).at(-1)).toBe(3_540);
    expect(only(events, "settleFailed")).toEqual([]);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.clock.monotonicMs()).toBeLessThan(12 * 3_600_000);
  });

  it("is told to SQS within 12 ms, so that its delay grows by no more", async () => {
    const bench = await Bench.open();
    await bench.send("fails", "next");
    const { consumer } = bench.consumer({
      handle: ({ body, receiveCount }) =>
        body === "fails" && receiveCount === 1 ? fail() : sleep(bench.clock, 5_000),
      concurrency: 1,
    });
    await bench.start(consumer);
    await bench.clock.advance(3_000);
    expect(bench.sqs.of(changes).map(({ atMs }) => atMs)).toEqual([12]);
  });

  it("is told to SQS ten at a time", async () => {
    const bench = await Bench.open();
    await bench.send(...Array.from({ length: 40 }, (_, index) => `job ${index}`));
    const { consumer } = bench.consumer({
      handle: ({ receiveCount }) => (receiveCount === 1 ? fail() : undefined),
      retry: () => 60,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().retried === 40);
    expect(bench.sqs.of(changes).length).toBeLessThanOrEqual(5);
    expect(bench.sqs.of("ChangeMessageVisibility")).toEqual([]);
  });
});

describe("an outcome that a handler returns", () => {
  it("retries after its own delay, and is no failure", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    const { consumer, told: events } = bench.consumer({
      handle: ({ receiveCount }) =>
        receiveCount === 1 ? retry({ afterSeconds: 7.2, reason: "not yet" }) : undefined,
      retry: fail,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(told(bench)).toEqual([8]);
    expect(only(events, "retried")).toMatchObject([{ afterSeconds: 8, reason: "not yet" }]);
    expect(only(events, "failed")).toEqual([]);
  });

  it("leaves the delay to the policy when it names none", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    const { consumer, told: events } = bench.consumer({
      handle: ({ receiveCount }) => (receiveCount === 1 ? retry() : undefined),
      retry: ({ error }) => (error === undefined ? 33 : 1),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(only(events, "retried")).toMatchObject([{ afterSeconds: 33, reason: undefined }]);
  });

  it("releases: the message can be received again at once, and no failure is counted", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    const { consumer, told: events } = bench.consumer({
      handle: ({ receiveCount }) => (receiveCount === 1 ? release() : undefined),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.clock.monotonicMs()).toBeLessThan(100);
    expect(only(events, "released")).toHaveLength(1);
    expect(consumer.stats()).toMatchObject({ failed: 0, retried: 0, released: 1 });
  });

  it.each(rows({ afterSeconds: [...noNumbers, 43_201], afterSecond: [5], after: [5] }))(
    "is refused for nonsense $nth in $option",
    ({ option, value }) => {
      expectRefusal(() => retry({ [option]: value() }), option, value());
    },
  );

  it("is refused for options that are no object, or are none of its own", () => {
    for (const options of [null, 5, "later", []]) {
      expectRefusal(() => retry(options as never), "options", options);
      expectRefusal(() => deadLetter(options as never), "options", options);
    }
    expectRefusal(() => deadLetter({ reasons: "x" } as never), "reasons", "x");
  });
});

describe("exponentialBackoff", () => {
  const failure = (receiveCount: number): Parameters<RetryPolicy>[0] => ({
    message: { receiveCount } as Message<unknown>,
    error: new Error("on purpose"),
  });

  it("fault 15: backoff without jitter, or without cap", () => {
    const policy = exponentialBackoff({ baseSeconds: 2, maxSeconds: 60, random: seededRandom(3) });
    for (const [receiveCount, ceiling] of [
      [2, 4],
      [3, 8],
      [5, 32],
      [6, 60],
      [20, 60],
      [1_000_000, 60],
    ] as const) {
      const draws = Array.from({ length: 500 }, () => policy(failure(receiveCount)));
      expect(Math.max(...draws)).toBeLessThanOrEqual(ceiling);
      expect(Math.max(...draws)).toBeGreaterThan(ceiling * 0.9);
      expect(Math.min(...draws)).toBeGreaterThanOrEqual(1);
      expect(Math.min(...draws)).toBeLessThan(Math.max(1.1, ceiling * 0.1));
      const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
      expect(mean).toBeGreaterThan(ceiling * 0.4);
      expect(mean).toBeLessThan(ceiling * 0.65);
    }
  });

  it("answers no less than a second, whatever is drawn", () => {
    expect(exponentialBackoff({ random: () => 0 })(failure(1))).toBe(1);
    expect(exponentialBackoff({ baseSeconds: 0.01, random: () => 0.99 })(failure(1))).toBe(1);
  });

  it("grows to 15 minutes by default", () => {
    const policy = exponentialBackoff({ random: () => 0.999_999 });
    const seconds = [1, 2, 3, 10, 11, 40].map((count) => Math.ceil(policy(failure(count))));
    expect(seconds).toEqual([1, 2, 4, 512, 900, 900]);
  });

  it.each(
    rows({
      baseSeconds: [...noNumbers, 0],
      maxSeconds: [...noNumbers, 0.5, 43_201],
      random: noFunctions,
      maxSecond: [5],
    }),
  )("refuses nonsense $nth for $option", ({ option, value }) => {
    expectRefusal(() => exponentialBackoff({ [option]: value() }), option, value());
  });

  it("refuses options that contradict each other, and what is no object", () => {
    const shrinking = { baseSeconds: 10, maxSeconds: 5 };
    expectRefusal(() => exponentialBackoff(shrinking), "maxSeconds", 5);
    expect(() => exponentialBackoff({ baseSeconds: 1_000 })).toThrow(
      "maxSeconds must be a number from baseSeconds (1000) to 43200; received 900",
    );
    for (const options of [null, 5, "1s", []]) {
      expectRefusal(() => exponentialBackoff(options as never), "options", options);
    }
  });
});

describe("toVisibilitySeconds", () => {
  it.each([
    [0, 43_140, 0],
    [0.001, 43_140, 1],
    [1, 43_140, 1],
    [1.5, 43_140, 2],
    [-3, 43_140, 0],
    [43_200, 43_140.9, 43_140],
    [Infinity, 43_140, 43_140],
    [10, 3.7, 3],
    [10, 0.9, 0],
    [10, -5, 0],
  ])("makes whole seconds of %d with %d left: %i", (seconds, remaining, expected) => {
    expect(toVisibilitySeconds(seconds, remaining)).toBe(expected);
  });
});
