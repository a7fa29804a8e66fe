/**
 * Handlers that end their thread, one way or another: what is lost is that thread's tasks, each of them
 * fails once, with the error that says why, and another thread takes the place.
 *
 * Grace passes on a virtual clock; the threads are real.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConsumerStoppedError, HandlerTimeoutError } from "millrace";
import { WorkerThreadLostError } from "millrace/threads";
import { VirtualClock } from "millrace/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { context, errorOf, heardOf, liveThreads, message, threadsOf } from "./bench.ts";
import type { Logged } from "./bench.ts";

describe("costs only the thread's tasks, and the thread is replaced", () => {
  it.each([
    ["exit", { reason: "exited", message: expect.stringContaining("exited with code 7") }],
    [
      "throw",
      {
        reason: "crashed",
        message: expect.stringContaining("from nowhere"),
        cause: expect.objectContaining({ name: "TypeError", message: "from nowhere" }),
      },
    ],
    ["reject", { reason: "crashed", cause: expect.objectContaining({ message: "by nobody" }) }],
    ["reject with nothing", { reason: "crashed" }],
    [
      "fill the heap",
      {
        reason: "outOfMemory",
        cause: expect.objectContaining({ code: "ERR_WORKER_OUT_OF_MEMORY" }),
      },
    ],
  ])("%s", async (body, expected) => {
    const logged: Logged[] = [];
    const handle = threadsOf("act", {
      threads: 2,
      tasksPerThread: 2,
      resourceLimits: { maxOldGenerationSizeMb: 20 },
    });
    await handle.start();
    // One in each thread; then the fault, which goes to the first, then another beside the second.
    const abort = new AbortController();
    const beside = message("never");
    const elsewhere = message("until aborted");
    const started = Promise.all([heardOf(beside.id), heardOf(elsewhere.id)]);
    const lostToo = errorOf(handle(beside, context(undefined, logged)));
    const unharmed = handle(elsewhere, context(abort.signal, logged));
    await started;
    const lost = errorOf(handle(message(body), context(undefined, logged)));
    expect(await lost).toBeInstanceOf(WorkerThreadLostError);
    expect(await lost).toMatchObject({ code: "WORKER_THREAD_LOST", ...expected });
    expect(await lostToo).toMatchObject({ code: "WORKER_THREAD_LOST", ...expected });
    const survivor = handle(message("x"), context());
    abort.abort(new Error("enough"));
    expect(await survivor).toBe(await unharmed);
    expect(logged).toMatchObject([
      {
        level: "warn",
        message: expect.stringMatching(/^worker thread 1 was lost, and is replaced/),
      },
    ]);
    // Both places work again: two pairs, each in a thread of its own.
    await handle.start();
    const answers = await Promise.all(
      ["a", "b", "c", "d"].map((text) => handle(message(text), context())),
    );
    expect(new Set(answers).size).toBe(2);
    await handle.stop();
  });
});

describe("a task that does not end after its abort costs its thread", () => {
  it("an infinite loop: the thread does not hear of it", async () => {
    const clock = new VirtualClock();
    const handle = threadsOf("act", { clock, tasksPerThread: 2 });
    await handle.start();
    const abort = new AbortController();
    const loop = message("loop");
    const started = heardOf(loop.id);
    const blocking = errorOf(handle(loop, context(abort.signal)));
    await started;
    // It waits in a thread that will never come to it.
    const behind = errorOf(handle(message("x"), context()));
    const reason = new HandlerTimeoutError(5);
    abort.abort(reason);
    await clock.advance(3_999);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1);
    expect(await blocking).toMatchObject({
      code: "WORKER_THREAD_LOST",
      reason: "blocked",
      cause: reason,
    });
    expect(await behind).toMatchObject({ code: "WORKER_THREAD_LOST", cause: reason });
    expect(await handle(message("x"), context())).toBeTypeOf("number");
    expect(clock.pendingTimers).toBe(0);
  });

  it("a promise that never resolves: the thread hears of it, the handler does not care", async () => {
    const clock = new VirtualClock();
    const handle = threadsOf("act", { clock, tasksPerThread: 2 });
    await handle.start();
    const abort = new AbortController();
    const never = message("never");
    const started = heardOf(never.id);
    const ignoring = errorOf(handle(never, context(abort.signal)));
    await started;
    abort.abort(new ConsumerStoppedError());
    const first = await handle(message("x"), context());
    await clock.advance(4_000);
    expect(await ignoring).toMatchObject({
      code: "WORKER_THREAD_LOST",
      reason: "ignoredAbort",
      cause: { code: "CONSUMER_STOPPED" },
    });
    expect(await handle(message("x"), context())).not.toBe(first);
  });

  it("so does one that ends its thread at its abort, and is told from a failure by its cause", async () => {
    const handle = threadsOf("act", { tasksPerThread: 2 });
    await handle.start();
    const abort = new AbortController();
    const sent = message("exit when aborted");
    const started = heardOf(sent.id);
    const exiting = errorOf(handle(sent, context(abort.signal)));
    const beside = errorOf(handle(message("never"), context()));
    await started;
    const reason = new ConsumerStoppedError();
    abort.abort(reason);
    expect(await exiting).toMatchObject({ reason: "exited", cause: reason });
    expect(await beside).not.toHaveProperty("cause");
  });

  it("but not when it ends within the grace", async () => {
    const clock = new VirtualClock();
    const handle = threadsOf("act", { clock });
    await handle.start();
    const abort = new AbortController();
    const sent = message("until aborted");
    const started = heardOf(sent.id);
    const running = handle(sent, context(abort.signal));
    await started;
    abort.abort(new HandlerTimeoutError(5));
    const thread = await running;
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(60_000);
    expect(await handle(message("x"), context())).toBe(thread);
  });

  it("code outside of JavaScript cannot be ended: its task fails in time all the same", async () => {
    const before = liveThreads();
    const clock = new VirtualClock();
    const handle = threadsOf("outside", { clock });
    await handle.start();
    const abort = new AbortController();
    const folder = await mkdtemp(join(tmpdir(), "millrace-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const sign = join(folder, "sign");
    const blocking = errorOf(handle(message(sign), context(abort.signal)));
    await expect.poll(() => existsSync(sign)).toBe(true);
    abort.abort(new HandlerTimeoutError(5));
    await clock.advance(4_899);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1);
    expect(await blocking).toMatchObject({
      reason: "blocked",
      message: expect.stringMatching(/cannot be ended yet$/),
    });
    // Nor does a stop wait for it.
    expect(await handle(message(""), context())).toBeTypeOf("number");
    await handle.stop();
    // It is gone when that code has returned.
    await expect.poll(() => liveThreads(), { timeout: 20_000 }).toBe(before);
  });
});

it("each of several stops waits for the threads' end, for as long as any of them does", async () => {
  const before = liveThreads();
  const clock = new VirtualClock();
  const handle = threadsOf("outside", { clock });
  await handle.start();
  const folder = await mkdtemp(join(tmpdir(), "millrace-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const sign = join(folder, "sign");
  const blocking = errorOf(handle(message(sign), context()));
  await expect.poll(() => existsSync(sign)).toBe(true);
  let stopped = 0;
  const stops = [handle.stop(), handle.stop()].map((stop) => stop.then(() => (stopped += 1)));
  await clock.advance(899);
  expect(stopped).toBe(0);
  await clock.advance(1);
  await Promise.all(stops);
  expect(await blocking).toMatchObject({ reason: "stopped" });
  await expect.poll(() => liveThreads(), { timeout: 20_000 }).toBe(before);
});

it("a thread that dies again and again is made again less and less often", async () => {
  const clock = new VirtualClock();
  const handle = threadsOf("act", { clock });
  await handle.start();
  const delays: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    const abort = new AbortController();
    const exit = errorOf(handle(message("exit"), context(abort.signal)));
    expect(await exit).toMatchObject({ reason: "exited" });
    // Undefined while it loads: a deadline for that is set then.
    const next = clock.nextTimerMs() ?? 0;
    delays.push(next === 60_000 ? 0 : next);
    await clock.advance(next === 60_000 ? 0 : next);
  }
  expect(delays).toEqual([0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000]);
  // One answer, and all is forgotten.
  await handle(message("x"), context());
  await errorOf(handle(message("exit"), context()));
  expect(clock.nextTimerMs()).toBe(60_000);
  await handle(message("x"), context());
  expect(clock.pendingTimers).toBe(0);
});

it("of 1,000 tasks with deaths at random each ends once, as it should", async () => {
  const handle = threadsOf("chance", { threads: 2, tasksPerThread: 8 });
  const ends = Array.from({ length: 1_000 }, () => 0);
  const seen = { answered: 0, threw: 0, lost: 0, aborted: 0 };
  const run = async (number: number): Promise<void> => {
    const abort = new AbortController();
    // Some are told to end: while they wait, run, or are over.
    if (number % 7 === 0) setImmediate(() => abort.abort(new HandlerTimeoutError(number)));
    try {
      expect(await handle(message(String(number)), context(abort.signal))).toBe(number);
      seen.answered += 1;
    } catch (error) {
      if (error instanceof WorkerThreadLostError) seen.lost += 1;
      else if (error instanceof HandlerTimeoutError) seen.aborted += 1;
      else if (error instanceof RangeError && error.message === `number ${number}`) seen.threw += 1;
      else throw error;
    }
    ends[number] = (ends[number] ?? 0) + 1;
  };
  let next = 1;
  const worker = async (): Promise<void> => {
    for (let number = next++; number < 1_000; number = next++) await run(number);
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  expect(ends.slice(1).every((count) => count === 1)).toBe(true);
  expect(seen.answered + seen.threw + seen.lost + seen.aborted).toBe(999);
  expect(seen.answered).toBeGreaterThan(300);
  expect(seen.lost).toBeGreaterThan(20);
});
