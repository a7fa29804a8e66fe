/**
 * The deadline of one call, whatever the implementation of SqsApi does: it may hang, throw, answer late,
 * or not listen to its signal.
 */
import { getEventListeners } from "node:events";
import type { SqsApi } from "millrace";
import { SqsTimeoutError } from "millrace";
import { VirtualClock } from "millrace/testing";
import { afterEach, describe, expect, it } from "vitest";
import { bounded, boundedCall } from "../../src/sqs/bounded-call.ts";

const input = { QueueName: "jobs" };

let clock = new VirtualClock();

afterEach(() => {
  expect(clock.pendingTimers).toBe(0);
  clock = new VirtualClock();
});

/** An SqsApi whose every call is `call`. */
function api(call: (signal: AbortSignal) => Promise<unknown>): SqsApi {
  return {
    call: (_operation, _input, options) =>
      call(options?.signal ?? new AbortController().signal) as Promise<never>,
  };
}

/** What became of a promise, for as long as it may take. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = "pending";
  promise.then(
    (value) => (outcome = { value }),
    (error: unknown) => (outcome = { error }),
  );
  await clock.settle();
  return outcome;
}

const never = (): Promise<never> => new Promise(() => {});

describe("a bounded call", () => {
  it("answers what the call answers", async () => {
    const sqs = api(() => Promise.resolve({ QueueUrl: "url" }));
    const call = boundedCall(sqs, "GetQueueUrl", input, { clock, timeoutMs: 1_000 });
    expect(await outcomeOf(call)).toEqual({ value: { QueueUrl: "url" } });
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("mine"))],
    [
      "throws",
      () => {
        throw new Error("mine");
      },
    ],
  ])("rejects as a call that %s", async (_, call) => {
    const bounds = { clock, timeoutMs: 1_000 };
    expect(await outcomeOf(boundedCall(api(call), "GetQueueUrl", input, bounds))).toEqual({
      error: new Error("mine"),
    });
  });

  it("aborts a call at its deadline", async () => {
    const sqs = api(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    );
    const call = boundedCall(sqs, "GetQueueUrl", input, { clock, timeoutMs: 1_000 });
    const outcome = outcomeOf(call);
    await clock.advance(999);
    expect(await outcome).toBe("pending");
    await clock.advance(1);
    const { error } = (await outcomeOf(call)) as { error: unknown };
    expect(error).toBeInstanceOf(SqsTimeoutError);
    expect(error).toMatchObject({ operation: "GetQueueUrl", timeoutMs: 1_000 });
  });

  it("leaves a call alone that does not listen, a second after the abort", async () => {
    const call = boundedCall(api(never), "GetQueueUrl", input, { clock, timeoutMs: 1_000 });
    const ended = outcomeOf(call);
    await clock.advance(1_999);
    expect(await ended).toBe("pending");
    await clock.advance(1);
    expect(await outcomeOf(call)).toMatchObject({ error: { code: "SQS_TIMEOUT" } });
  });

  it("passes an abort on, and rejects with its reason", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const call = boundedCall(api(never), "GetQueueUrl", input, { clock, timeoutMs: 9_000, signal });
    const ended = outcomeOf(call);
    controller.abort(new Error("enough"));
    await clock.advance(999);
    expect(await ended).toBe("pending");
    await clock.advance(1);
    expect(await outcomeOf(call)).toEqual({ error: new Error("enough") });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is never begun after an abort", async () => {
    let calls = 0;
    const sqs = api(() => {
      calls += 1;
      return Promise.resolve({});
    });
    const signal = AbortSignal.abort(new Error("before"));
    const call = boundedCall(sqs, "GetQueueUrl", input, { clock, timeoutMs: 1_000, signal });
    expect(await outcomeOf(call)).toEqual({ error: new Error("before") });
    expect(calls).toBe(0);
  });

  it("takes an answer that was on its way when the abort came", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const sqs = api(() => new Promise((resolve) => void clock.setTimer(() => resolve("it"), 500)));
    const late: unknown[] = [];
    const bounds = {
      clock,
      timeoutMs: 9_000,
      signal,
      onLate: (output: unknown) => late.push(output),
    };
    const call = boundedCall(sqs, "GetQueueUrl", input, bounds as never);
    controller.abort();
    await clock.advance(500);
    expect(await outcomeOf(call)).toEqual({ value: "it" });
    expect(late).toEqual([]);
  });

  it("hands on an answer that comes after all was given up; an error is dropped", async () => {
    for (const [answer, expected] of [
      [() => Promise.resolve("late"), ["late"]],
      [() => Promise.reject(new Error("late")), []],
    ] as const) {
      const late: unknown[] = [];
      const sqs = api(async () => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 60_000));
        return answer();
      });
      const bounds = { clock, timeoutMs: 1_000, onLate: (output: unknown) => late.push(output) };
      const call = boundedCall(sqs, "GetQueueUrl", input, bounds as never);
      const ended = outcomeOf(call);
      await clock.advance(2_000);
      expect(await ended).toBe("pending");
      expect(await outcomeOf(call)).toMatchObject({ error: { code: "SQS_TIMEOUT" } });
      expect(late).toEqual([]);
      await clock.advance(60_000);
      expect(late).toEqual(expected);
    }
  });

  it("shares one listener on the caller's signal with the other calls under way", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: 20 }, () =>
      outcomeOf(boundedCall(api(never), "GetQueueUrl", input, { clock, timeoutMs: 9_000, signal })),
    );
    // Removed listeners of a signal refer to later ones, and would keep their calls in memory.
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    controller.abort(new Error("enough"));
    await clock.advance(1_000);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["pending"]));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("leaves no listener on the caller's signal, however it ends", async () => {
    const { signal } = new AbortController();
    const calls = [
      api(() => Promise.resolve({})),
      api(() => Promise.reject(new Error("no"))),
      api(never),
    ].map((sqs) =>
      outcomeOf(boundedCall(sqs, "GetQueueUrl", input, { clock, timeoutMs: 10, signal })),
    );
    await clock.advance(2_000);
    await Promise.all(calls);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

it("bounds each call of an SqsApi alike", async () => {
  const sqs = bounded(api(never), clock, 3_000);
  const call = sqs.call("GetQueueUrl", input);
  const ended = outcomeOf(call);
  await clock.advance(4_000);
  await ended;
  expect(await outcomeOf(call)).toMatchObject({ error: { timeoutMs: 3_000 } });
  const signal = AbortSignal.abort(new Error("before"));
  expect(await outcomeOf(sqs.call("GetQueueUrl", input, { signal }))).toEqual({
    error: new Error("before"),
  });
});
