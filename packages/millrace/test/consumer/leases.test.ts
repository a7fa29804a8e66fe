/**
 * How deliveries in hand are kept from others. Numbers in the names of tests are those of the faults that
 * other consumers of SQS are known for; each test fails on a consumer that has its fault.
 */
import { LeaseLostError, retry, sleep, SqsConnectionError } from "millrace";
import { describe, expect, it, onTestFinished } from "vitest";
import { seededRandom } from "millrace/testing";
import { Bench, bodies, only, silence } from "./bench.ts";
import type { Call } from "./bench.ts";
import { failEntries } from "./entry-faults.ts";
import { deferred, never, serviceError } from "./faults.ts";

const extension = "ChangeMessageVisibilityBatch";
const refusedConnection = new SqsConnectionError("connection refused", extension);
const hourMs = 3_600_000;

function jobs(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `job ${index}`);
}

/** What the entries of a call ask for, in seconds. */
function asked({ input }: Call): number[] {
  const { Entries } = input as { Entries: { VisibilityTimeout: number }[] };
  return Entries.map((entry) => entry.VisibilityTimeout);
}

/** Another receiver of the queue, which polls it all the time; the ids of what it gets. */
function rival(bench: Bench): { readonly got: string[]; stop(): void } {
  const got: string[] = [];
  const stopped = new AbortController();
  const poll = async (): Promise<void> => {
    const input = { QueueUrl: bench.queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 };
    while (!stopped.signal.aborted) {
      const { Messages = [] } = await bench.service.call("ReceiveMessage", input, stopped);
      got.push(...Messages.map(({ MessageId = "" }) => MessageId));
    }
  };
  poll().catch(() => {}); // Aborted.
  return { got, stop: () => stopped.abort() };
}

describe("keeping", () => {
  it("fault 16: no heartbeat at all", async () => {
    const bench = await Bench.open();
    await bench.send("slow");
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 100_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.clock.monotonicMs()).toBeLessThan(100_100);
    expect(only(told, "started")).toHaveLength(1);
  });

  it("fault 16: one heartbeat request a message", async () => {
    const bench = await Bench.open();
    await bench.send(...jobs(300));
    const end = deferred();
    const { consumer } = bench.consumer({
      handle: () => end.promise,
      concurrency: 250,
      prefetch: 50,
    });
    await bench.start(consumer);
    await bench.clock.advance(10 * 60_000);
    expect(consumer.stats()).toMatchObject({ inHand: 300, leasesLost: 0 });
    // Half of 30 seconds, forty times: thirty requests each.
    const calls = bench.sqs.of(extension);
    expect(calls.length).toBeLessThanOrEqual(40 * 30);
    expect(calls.length).toBeGreaterThan(39 * 30);
    end.resolve();
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 300);
  });

  it("keeps leases that began at different times in common requests", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: never, concurrency: 100, prefetch: 0 });
    await bench.start(consumer);
    for (let count = 0; count < 100; count += 1) {
      await bench.send(`job ${count}`);
      await bench.clock.advance(1_033);
    }
    const from = bench.sqs.of(extension).length;
    await bench.clock.advance(10 * 60_000);
    // Half of 30 seconds, forty times: ten requests each would be the least.
    expect(bench.sqs.of(extension).length - from).toBeLessThanOrEqual(40 * 15);
    expect(consumer.stats()).toMatchObject({ running: 100, leasesLost: 0 });
  });

  it("fault 16: a heartbeat that rejects crashes the process", async () => {
    const bench = await Bench.open();
    await bench.send("slow");
    let failures = 0;
    bench.sqs.intercept(extension, (next) => {
      failures += 1;
      if (failures % 3 === 1) throw new TypeError("thrown, not rejected");
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a port that is as bad as can be
      return failures % 3 === 2 ? Promise.reject(undefined) : next();
    });
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 100_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(only(told, "leaseLost")).toEqual([]);
    expect(failures).toBeGreaterThan(10);
  });

  it("fault 19: buffered messages are not covered", async () => {
    const bench = await Bench.open();
    await bench.send(...jobs(10));
    const { consumer, told } = bench.consumer({
      handle: () => sleep(bench.clock, 60_000),
      concurrency: 1,
      prefetch: 9,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    expect(only(told, "started")).toHaveLength(10);
    expect(consumer.stats()).toMatchObject({ received: 10, leasesLost: 0 });
  });

  it("fault 20: the elapsed time is added to the visibility timeout", async () => {
    const bench = await Bench.open();
    await bench.send("slow");
    const { consumer } = bench.consumer({ handle: () => sleep(bench.clock, 300_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(new Set(bench.sqs.of(extension).flatMap(asked))).toEqual(new Set([30]));
  });

  it("fault 20: the new deadline is recorded before the call succeeded", async () => {
    const bench = await Bench.open();
    await bench.send("slow");
    bench.sqs.intercept(extension, (_next, _input, options) => silence(options));
    const { consumer, told } = bench.consumer({
      handle: (_, { signal }) => sleep(bench.clock, 300_000, signal),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => only(told, "leaseLost").length === 1);
    expect(bench.clock.monotonicMs()).toBe(30_000);
  });

  it("counts an extension from when it was sent, not from when it was answered", async () => {
    const bench = await Bench.open();
    await bench.send("slow");
    bench.sqs.intercept(extension, async (next) => {
      const answer = await next();
      await sleep(bench.clock, 4_000);
      return answer;
    });
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 100_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.sqs.of(extension).map(({ atMs }) => atMs / 1_000)).toEqual([
      15, 30, 45, 60, 75, 90,
    ]);
    expect(only(told, "started")).toHaveLength(1);
  });

  it("counts a lease from when it was asked for, as far as an answer can be late", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const answer = await next();
      await sleep(bench.clock, 2_000);
      return answer;
    });
    const { consumer } = bench.consumer({ handle: never });
    await bench.start(consumer);
    await bench.clock.advance(15_000);
    expect(bench.sqs.of(extension).map(({ atMs }) => atMs)).toEqual([15_000]);
  });

  it("fault 21: state is keyed by MessageId, and the end of one delivery stops the lease of another", async () => {
    const bench = await Bench.open({}, { duplicateRate: 1 });
    await bench.send("twice");
    let runs = 0;
    const { consumer, told } = bench.consumer({
      handle: () => sleep(bench.clock, runs++ === 0 ? 1_000 : 100_000),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    const ids = only(told, "started").map(({ message }) => message.id);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
    expect(bench.sqs.of(extension).map(({ atMs }) => atMs / 1_000)).toEqual([
      15, 30, 45, 60, 75, 90,
    ]);
    expect(consumer.stats()).toMatchObject({ received: 2, leasesLost: 0 });
  });

  it.each([1, 2, 5, 30, 900, 43_200])(
    "fault 22: a short visibility timeout costs hundreds of calls a second (%i s)",
    async (visibilityTimeoutSeconds) => {
      const bench = await Bench.open();
      await bench.send(...jobs(20));
      const { consumer } = bench.consumer({ handle: never, visibilityTimeoutSeconds });
      await bench.start(consumer);
      const periods = Math.min(20, 43_000 / visibilityTimeoutSeconds);
      await bench.clock.advance(periods * visibilityTimeoutSeconds * 1_000);
      expect(consumer.stats()).toMatchObject({ inHand: 20, leasesLost: 0 });
      // Twice in a visibility timeout, in two batches of ten.
      expect(bench.sqs.of(extension).length).toBeLessThanOrEqual(4 * periods);
    },
  );

  it.each([1, 2, 5, 30, 900])(
    "fault 22: failing heartbeats cost hundreds of calls a second (%i s)",
    async (visibilityTimeoutSeconds) => {
      const bench = await Bench.open();
      await bench.send(...jobs(100));
      bench.sqs.intercept(extension, () => Promise.reject(refusedConnection));
      const { consumer, told } = bench.consumer({
        handle: never,
        visibilityTimeoutSeconds,
        concurrency: 100,
        prefetch: 0,
      });
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => only(told, "leaseLost").length === 100);
      expect(bench.clock.monotonicMs()).toBe(visibilityTimeoutSeconds * 1_000);
      const tries = bench.sqs.of(extension).length / 10;
      expect(tries).toBeGreaterThanOrEqual(5);
      expect(tries).toBeLessThanOrEqual(11);
    },
  );

  it("promise 4: leases hold while SQS answers, with another receiver polling for hours", async () => {
    const bench = await Bench.open();
    const random = seededRandom(4);
    await bench.send(...jobs(60));
    const { consumer, told } = bench.consumer({
      handle: () => sleep(bench.clock, random() * 2 * hourMs),
      concurrency: 40,
      prefetch: 20,
      visibilityTimeoutSeconds: 60,
    });
    await bench.start(consumer);
    expect(consumer.stats()).toMatchObject({ inHand: 60 });
    const other = rival(bench);
    // SQS answers, now and then with a fault, and never quite at once.
    bench.sqs.intercept(extension, async (next, _, { signal }) => {
      await sleep(bench.clock, random() * 2_000, signal);
      if (random() < 0.05) throw serviceError(extension, "InternalError", 500);
      const answer = await next();
      await sleep(bench.clock, random() * 2_000, signal);
      return answer;
    });
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 60);
    expect(bench.clock.monotonicMs()).toBeGreaterThan(2 * hourMs);
    expect(other.got).toEqual([]);
    expect(only(told, "leaseLost")).toEqual([]);
    other.stop();
  });
});

describe("one request at a time", () => {
  it("fault 17: a heartbeat races the retry, and overwrites the backoff just set", async () => {
    const bench = await Bench.open();
    await bench.send("fails");
    bench.sqs.intercept(extension, async (next) => {
      await sleep(bench.clock, 2_000);
      return next();
    });
    const { consumer, told } = bench.consumer({
      handle: async (_, { signal }) => {
        await sleep(bench.clock, 16_000, signal);
        throw new Error("on purpose");
      },
      retry: () => 5,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => only(told, "started").length === 2);
    const calls = bench.sqs.of(extension);
    expect(calls.map((call) => [asked(call), call.atMs])).toEqual([
      [[30], 15_000],
      // The extension under way has been waited for.
      [[5], 17_000],
    ]);
    expect(bench.clock.monotonicMs()).toBe(24_000);
  });

  it("fault 17: a heartbeat races the delete", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    const answered = deferred();
    bench.sqs.intercept(extension, async (next) => {
      await answered.promise;
      return next();
    });
    const { consumer } = bench.consumer({ handle: () => sleep(bench.clock, 16_000) });
    await bench.start(consumer);
    await bench.clock.advance(17_000);
    expect(bench.sqs.of("DeleteMessageBatch")).toEqual([]);
    answered.resolve();
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.sqs.of("DeleteMessageBatch").map(({ atMs }) => atMs)).toEqual([17_000]);
    expect(bench.sqs.of(extension)).toHaveLength(1);
  });

  it("settles after an extension that was never answered", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    bench.sqs.intercept(extension, () => never());
    const { consumer } = bench.consumer({ handle: () => sleep(bench.clock, 16_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.clock.monotonicMs()).toBeLessThan(22_000);
  });

  it.each([1, 2, 3])(
    "never has two requests about one receipt handle open (seed %i)",
    async (seed) => {
      const bench = await Bench.open({}, { duplicateRate: 0.2 });
      const random = seededRandom(seed);
      await bench.send(...jobs(60));
      for (const operation of ["DeleteMessageBatch", extension] as const) {
        bench.sqs.intercept(operation, async (next, _, { signal }) => {
          await sleep(bench.clock, random() * 700, signal);
          if (random() < 0.2) throw serviceError(operation, "InternalError", 500);
          const answer = await next();
          await sleep(bench.clock, random() * 700, signal);
          if (random() < 0.1) throw serviceError(operation, "InternalError", 500);
          return answer;
        });
      }
      const { consumer } = bench.consumer({
        handle: async (_, { signal }) => {
          await sleep(bench.clock, random() * 12_000, signal);
          if (random() < 0.3) throw new Error("on purpose");
          return random() < 0.2 ? retry({ afterSeconds: 1 }) : undefined;
        },
        concurrency: 20,
        prefetch: 10,
        visibilityTimeoutSeconds: 5,
      });
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => {
        const { acknowledged, inHand } = consumer.stats();
        return acknowledged >= 60 && inHand === 0;
      });
      const openUntil = new Map<string, number>();
      for (const { operation, input, atMs, endedAtMs = Infinity } of bench.sqs.calls) {
        if (operation !== "DeleteMessageBatch" && operation !== extension) continue;
        for (const { ReceiptHandle } of (input as { Entries: { ReceiptHandle: string }[] })
          .Entries) {
          expect(openUntil.get(ReceiptHandle) ?? 0).toBeLessThanOrEqual(atMs);
          openUntil.set(ReceiptHandle, endedAtMs);
        }
      }
      expect(bench.sqs.of(extension).length).toBeGreaterThan(20);
    },
  );

  it("fault 18: heartbeats go on after the handler failed", async () => {
    const bench = await Bench.open();
    await bench.send("fails");
    const { consumer } = bench.consumer({
      handle: async () => {
        await sleep(bench.clock, 20_000);
        throw new Error("on purpose");
      },
      retry: () => 600,
    });
    await bench.start(consumer);
    await bench.clock.advance(600_000);
    expect(bench.sqs.of(extension).map((call) => [asked(call), call.atMs])).toEqual([
      [[30], 15_000],
      [[600], 20_000],
    ]);
  });

  it("fault 18: heartbeats go on after the handler failed, while its retry is in trouble", async () => {
    const bench = await Bench.open();
    await bench.send("fails");
    // For longer than a heartbeat's interval, and less than the lease.
    bench.sqs.intercept(extension, (next) =>
      bench.clock.monotonicMs() < 25_000 ? Promise.reject(refusedConnection) : next(),
    );
    const { consumer } = bench.consumer({
      handle: () => Promise.reject(new Error("on purpose")),
      retry: () => 600,
    });
    await bench.start(consumer);
    await bench.clock.advance(100_000);
    expect(consumer.stats()).toMatchObject({ retried: 1, settlementsFailed: 0, inHand: 0 });
    const calls = bench.sqs.of(extension);
    expect(calls.length).toBeGreaterThan(5);
    expect(calls.map(asked)).toEqual(calls.map(() => [600]));
  });

  it("extends nothing while its settlement is in trouble", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(refusedConnection));
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().settlementsFailed === 1);
    expect(bench.sqs.of(extension)).toEqual([]);
  });

  it("sends no extension of what a stop has released in the same moment", async () => {
    const bench = await Bench.open();
    await bench.send("lost");
    const { consumer, told } = bench.consumer({
      handle: never,
      concurrency: 1,
      prefetch: 19,
      waitTimeSeconds: 18,
      random: () => 0.99,
    });
    let lost: string | undefined;
    bench.sqs.intercept(extension, async (next, { Entries }, options) => {
      lost ??= Entries[0]?.ReceiptHandle;
      if (Entries.some((entry) => entry.ReceiptHandle === lost)) return silence(options);
      await sleep(bench.clock, 100, options.signal);
      return next();
    });
    let released: string | undefined;
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const answer = await next();
      released ??= answer.Messages?.find(({ Body }) => Body === "released")?.ReceiptHandle;
      return answer;
    });
    await bench.start(consumer);
    await bench.clock.advance(18_000);
    // Received so that it is due for an extension at 30 s, when the lease of the first is over, and not before.
    await bench.send("released");
    consumer.on("leaseLost", () => void consumer.stop({ deadlineMs: 0 }));
    await bench.clock.advanceUntil(() => consumer.stats().inHand === 0);
    const calls = bench.sqs
      .of(extension)
      .filter(({ input }) => input.Entries.some((entry) => entry.ReceiptHandle === released));
    expect(calls.map((call) => [asked(call), call.atMs, call.endedAtMs])).toEqual([
      [[30], 30_000, 30_100],
      [[0], 30_100, 30_200],
    ]);
    expect(only(told, "leaseLost")).toHaveLength(1);
    expect(await bench.depth()).toEqual({ visible: 2, inFlight: 0 });
  });
});

it("has a hundred calls open at once without a warning of leaked listeners", async () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): number => warnings.push(name);
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  const bench = await Bench.open();
  await bench.send(...jobs(1_000));
  for (const operation of ["ReceiveMessage", extension, "DeleteMessageBatch"] as const) {
    bench.sqs.intercept(operation, async (next, _, { signal }) => {
      const answer = await next();
      await sleep(bench.clock, 1_000, signal);
      return answer;
    });
  }
  const { consumer } = bench.consumer({
    handle: () => sleep(bench.clock, 20_000),
    concurrency: 1_000,
    prefetch: 0,
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1_000);
  expect(warnings).toEqual([]);
});

describe("losing", () => {
  it("fault 24: nobody tells the handler that its lease is lost", async () => {
    const bench = await Bench.open();
    await bench.send("slow");
    bench.sqs.intercept(extension, () => Promise.reject(refusedConnection));
    const reasons: unknown[] = [];
    const { consumer, told } = bench.consumer({
      handle: async (_, { signal }) => {
        await sleep(bench.clock, 300_000, signal).catch((reason: unknown) => reasons.push(reason));
      },
      concurrency: 1,
      prefetch: 0,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => reasons.length === 1);
    expect(bench.clock.monotonicMs()).toBe(30_000);
    expect(reasons[0]).toBeInstanceOf(LeaseLostError);
    expect(only(told, "leaseLost")).toMatchObject([
      { message: { body: "slow" }, error: { code: "LEASE_LOST" } },
    ]);
    // It resolved, but not with a lease: nothing is deleted.
    expect(bench.sqs.of("DeleteMessageBatch")).toEqual([]);
    // Its permit is back: the message is received again.
    bench.sqs.intercept(extension, undefined);
    await bench.clock.advanceUntil(() => only(told, "started").length === 2);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(reasons).toHaveLength(1);
  });

  it("tries a failed extension again, and keeps the lease when one succeeds in time", async () => {
    const bench = await Bench.open();
    await bench.send("slow");
    bench.sqs.intercept(extension, (next) =>
      bench.clock.monotonicMs() < 25_000 ? Promise.reject(refusedConnection) : next(),
    );
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 100_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(only(told, "leaseLost")).toEqual([]);
    expect(only(told, "started")).toHaveLength(1);
  });

  it("that could not be extended is lost with the last error of an extension as the cause", async () => {
    const bench = await Bench.open();
    await bench.send("slow", "slow too");
    let tries = 0;
    bench.sqs.intercept(extension, () =>
      Promise.reject(new SqsConnectionError(`connection refused, ${(tries += 1)}`, extension)),
    );
    const { consumer, told } = bench.consumer({
      handle: (_, { signal }) => sleep(bench.clock, 300_000, signal),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => only(told, "leaseLost").length === 2);
    expect(tries).toBeGreaterThan(1);
    for (const { error } of only(told, "leaseLost")) {
      expect(error.cause).toMatchObject({ message: `connection refused, ${tries}` });
    }
  });

  it("tries again only the extensions that failed", async () => {
    const bench = await Bench.open();
    await bench.send(...jobs(10));
    let calls = 0;
    failEntries(bench, extension, ({ Id }) => {
      if (Id === "0") calls += 1;
      return calls === 1 && (Id === "2" || Id === "5") ? "unsaid" : undefined;
    });
    const { consumer } = bench.consumer({ handle: never });
    await bench.start(consumer);
    await bench.clock.advance(25_000);
    expect(bench.sqs.of(extension).map(({ input }) => input.Entries.length)).toEqual([10, 2]);
    await bench.clock.advance(60_000);
    expect(consumer.stats()).toMatchObject({ inHand: 10, leasesLost: 0 });
  });

  it("fault 18: heartbeats go on after the receipt handle died", async () => {
    const bench = await Bench.open();
    await bench.send("purged", "kept");
    failEntries(bench, extension, ({ Id }) =>
      Id === "0" ? { SenderFault: true, Code: "InvalidParameterValue" } : undefined,
    );
    const signals: AbortSignal[] = [];
    const { consumer, told } = bench.consumer({
      handle: (_, { signal }) => {
        signals.push(signal);
        return sleep(bench.clock, 22_000);
      },
    });
    await bench.start(consumer);
    await bench.clock.advance(20_000);
    expect(only(told, "leaseLost")).toMatchObject([
      { error: { cause: { errorName: "InvalidParameterValue" } } },
    ]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(bench.sqs.of(extension)).toHaveLength(1);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.sqs.of("DeleteMessageBatch").map(({ input }) => input.Entries.length)).toEqual([
      1,
    ]);
  });

  it.each([
    ["30 s", 30],
    ["7 hours", 25_200],
    ["12 hours", 43_200],
  ])("fault 18: heartbeats go on for 12 hours (visibility timeout of %s)", async (_, seconds) => {
    const bench = await Bench.open();
    await bench.send("endless");
    const refusals: unknown[] = [];
    bench.sqs.intercept(extension, async (next) => {
      const answer = await next();
      refusals.push(...(answer.Failed ?? []));
      return answer;
    });
    const { consumer, told } = bench.consumer({
      handle: (_message, { signal }) => sleep(bench.clock, 20 * hourMs, signal),
      visibilityTimeoutSeconds: seconds,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => only(told, "leaseLost").length === 1);
    expect(bench.clock.monotonicMs()).toBeLessThanOrEqual(12 * hourMs);
    expect(bench.clock.monotonicMs()).toBeGreaterThan(12 * hourMs - 65_000);
    expect(refusals).toEqual([]);
    expect(bench.sqs.of(extension).length).toBeLessThanOrEqual((2 * 43_200) / seconds);
    for (const call of bench.sqs.of(extension)) {
      expect(call.atMs + 1_000 * (asked(call)[0] ?? 0)).toBeLessThanOrEqual(12 * hourMs);
    }
  });

  it("asks for no extension again and again that would bring a fraction of a second", async () => {
    const bench = await Bench.open();
    await bench.send("endless");
    bench.sqs.intercept(extension, async (next, _, { signal }) => {
      await sleep(bench.clock, 7, signal);
      return next();
    });
    const { clock } = bench;
    const { consumer, told } = bench.consumer({
      handle: (_message, { signal }) => sleep(clock, 20 * hourMs, signal),
      visibilityTimeoutSeconds: 3_600,
      // Timers are late, as they are on a real machine.
      clock: {
        now: () => clock.now(),
        monotonicMs: () => clock.monotonicMs(),
        setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs + 3),
      },
    });
    await bench.start(consumer);
    await clock.advanceUntil(() => only(told, "leaseLost").length === 1);
    expect(bench.sqs.of(extension).length).toBeLessThanOrEqual(24);
  });

  it("skips what was lost while it waited for a worker", async () => {
    const bench = await Bench.open();
    await bench.send(...jobs(6));
    let broken = true;
    bench.sqs.intercept(extension, (next) => (broken ? Promise.reject(refusedConnection) : next()));
    const end = deferred();
    const { consumer, told } = bench.consumer({
      handle: () => end.promise,
      concurrency: 1,
      prefetch: 5,
    });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", (next) => (broken ? never() : next()));
    await bench.clock.advanceUntil(() => only(told, "leaseLost").length === 6);
    expect(consumer.stats()).toMatchObject({ inHand: 0, started: 1 });
    broken = false;
    end.resolve();
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 6);
    // The one that was lost while it ran has run twice; of the others, the lost delivery never did.
    expect(only(told, "started")).toHaveLength(7);
    expect(new Set(bodies(only(told, "started"))).size).toBe(6);
    expect(bench.logged.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("holds to its bounds when leases are lost again and again under a handler that ends for nothing", async () => {
    const bench = await Bench.open();
    await bench.send(...jobs(50));
    bench.sqs.intercept(extension, () => Promise.reject(refusedConnection));
    const { consumer } = bench.consumer({
      handle: never,
      concurrency: 2,
      prefetch: 8,
      visibilityTimeoutSeconds: 1,
    });
    await bench.start(consumer);
    for (let second = 0; second < 60; second += 1) {
      await bench.clock.advance(1_000);
      expect(consumer.stats().inHand).toBeLessThanOrEqual(10);
    }
    expect(bench.logged.filter(({ level }) => level === "error")).toEqual([]);
    // No permit is gone: all ten can be had again.
    bench.sqs.intercept(extension, undefined);
    await bench.clock.advanceUntil(() => consumer.stats().inHand === 10);
  });
});
