/**
 * How outcomes are carried out: gathered, repeated, given up. Numbers in the names of tests are those of
 * the faults that other consumers of SQS are known for; each test fails on a consumer that has its fault.
 */
import { sleep, SqsConnectionError } from "millrace";
import { describe, expect, it } from "vitest";
import { Bench, bodies, only, silence } from "./bench.ts";
import { failEntries } from "./entry-faults.ts";
import { deferred, never, serviceError } from "./faults.ts";

const refusedConnection = new SqsConnectionError("connection refused", "DeleteMessageBatch");

function tenJobs(): string[] {
  return Array.from({ length: 10 }, (_, index) => `job ${index}`);
}

describe("gathering", () => {
  it("fault 9: one DeleteMessage a message", async () => {
    const bench = await Bench.open();
    await bench.send(...Array.from({ length: 200 }, (_, index) => `job ${index}`));
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 200);
    expect(bench.sqs.of("DeleteMessage")).toEqual([]);
    expect(bench.sqs.of("DeleteMessageBatch").length).toBeLessThanOrEqual(22);
  });

  it("sends a batch at once when it has ten entries, whose ids are their indexes", async () => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    const { consumer } = bench.consumer({ handle: () => sleep(bench.clock, 1_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    const [call, ...others] = bench.sqs.of("DeleteMessageBatch");
    expect(call?.atMs).toBe(1_000);
    expect(call?.input.Entries.map(({ Id }) => Id)).toEqual("0123456789".split(""));
    expect(others).toEqual([]);
  });

  it("has the first of a batch wait 12 ms for others", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b", "c", "much later");
    let handled = 0;
    const { consumer } = bench.consumer({
      handle: ({ body }) =>
        sleep(bench.clock, body === "much later" ? 5_000 : 1_000 + 4 * handled++),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4);
    const calls = bench.sqs.of("DeleteMessageBatch");
    expect(calls.map(({ atMs, input }) => [atMs, input.Entries.length])).toEqual([
      [1_012, 3],
      [5_000, 1],
    ]);
  });

  it("lets nothing wait once nothing is left in hand that could join it", async () => {
    const bench = await Bench.open();
    await bench.send("fails", "done");
    const { consumer } = bench.consumer({
      handle: async ({ body }) => {
        await sleep(bench.clock, body === "fails" ? 1_000 : 1_004);
        if (body === "fails") throw new Error("it fails");
      },
    });
    await bench.start(consumer);
    await bench.clock.advance(1_004);
    expect(bench.sqs.of("ChangeMessageVisibilityBatch").map(({ atMs }) => atMs)).toEqual([1_004]);
    expect(bench.sqs.of("DeleteMessageBatch").map(({ atMs }) => atMs)).toEqual([1_004]);
  });

  it("lets nothing wait that has hardly any lease left", async () => {
    const bench = await Bench.open();
    await bench.send("late", "later");
    bench.sqs.intercept("ChangeMessageVisibilityBatch", () =>
      Promise.reject(serviceError("ChangeMessageVisibilityBatch", "InternalError", 500)),
    );
    const { consumer } = bench.consumer({
      handle: ({ body }) => sleep(bench.clock, body === "late" ? 990 : 5_000),
      visibilityTimeoutSeconds: 1,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.sqs.of("DeleteMessageBatch").map(({ atMs }) => atMs)).toEqual([990]);
  });

  it("deletes two deliveries of one message in one batch, each by its own handle", async () => {
    const bench = await Bench.open({}, { duplicateRate: 1 });
    await bench.send("a", "b", "c", "d", "e");
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 1_000) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    const [call] = bench.sqs.of("DeleteMessageBatch");
    expect(new Set(call?.input.Entries.map((entry) => entry.ReceiptHandle)).size).toBe(10);
    expect(new Set(call?.input.Entries.map(({ Id }) => Id)).size).toBe(10);
    const ids = only(told, "acknowledged").map(({ message }) => message.id);
    expect(new Set(ids).size).toBe(5);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });
});

describe("repeating", () => {
  it("fault 10: failed delete entries are dropped, or the whole batch is repeated for them", async () => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    const failing = new Set<string>();
    failEntries(bench, "DeleteMessageBatch", ({ Id, ReceiptHandle }) => {
      if (failing.has(ReceiptHandle) || (Id !== "3" && Id !== "7")) return undefined;
      failing.add(ReceiptHandle);
      return {};
    });
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    const handles = bench.sqs
      .of("DeleteMessageBatch")
      .map(({ input }) => input.Entries.map((entry) => entry.ReceiptHandle));
    expect(handles.map(({ length }) => length)).toEqual([10, 2]);
    expect(new Set(handles[1])).toEqual(failing);
    expect(only(told, "settleFailed")).toEqual([]);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it("repeats entries that the answer does not name", async () => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    let calls = 0;
    failEntries(bench, "DeleteMessageBatch", ({ Id }) => {
      if (Id === "0") calls += 1;
      return calls === 1 && Id === "4" ? "unsaid" : undefined;
    });
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it.each([
    ["nothing", undefined],
    ["no lists", { Successful: "all", Failed: 7 }],
    ["ids that are none", { Successful: [{ Id: "" }, { Id: null }, { Id: "0x0" }, null, {}] }],
    ["ids that nobody gave", { Successful: [{ Id: "10" }, { Id: "-1" }] }],
    ["an id in both lists", { Successful: [{ Id: "0" }], Failed: [{ Id: "0" }] }],
  ])("takes no entry for deleted when the answer holds %s", async (_, answer) => {
    const bench = await Bench.open();
    await bench.send("a");
    let answers = 0;
    bench.sqs.intercept("DeleteMessageBatch", (next) =>
      answers++ === 0 ? Promise.resolve(answer as never) : next(),
    );
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.sqs.of("DeleteMessageBatch")).toHaveLength(2);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it.each([
    ["refused connections", () => Promise.reject(refusedConnection)],
    ["throttles", () => Promise.reject(serviceError("DeleteMessageBatch", "RequestThrottled"))],
    [
      "denied permission",
      () => Promise.reject(serviceError("DeleteMessageBatch", "AccessDenied", 403)),
    ],
  ])("keeps ten deletes together through eight seconds of %s", async (_, failure) => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    bench.sqs.intercept("DeleteMessageBatch", (next) =>
      bench.clock.monotonicMs() < 8_000 ? failure() : next(),
    );
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    const calls = bench.sqs.of("DeleteMessageBatch");
    expect(calls.every(({ input }) => input.Entries.length === 10)).toBe(true);
    expect(calls.length).toBeGreaterThan(2);
    expect(calls.length).toBeLessThan(15);
    expect(new Set(bodies(only(told, "acknowledged")))).toEqual(new Set(tenJobs()));
    expect(only(told, "settleFailed")).toEqual([]);
    // One warning a call, not one a message.
    expect(bench.logged.filter(({ level }) => level === "warn")).toHaveLength(calls.length - 1);
  });

  it("fault 10: a delete that is never answered never settles", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    let calls = 0;
    bench.sqs.intercept("DeleteMessageBatch", (next, _, options) => {
      calls += 1;
      if (calls === 1) return silence(options);
      return calls === 2 ? never() : next();
    });
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(bench.clock.monotonicMs()).toBeLessThan(30_000);
    expect(only(told, "started")).toHaveLength(2);
  });

  it("leaves time for another try however short the lease is", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    let calls = 0;
    bench.sqs.intercept("DeleteMessageBatch", (next, _, options) =>
      calls++ === 0 ? silence(options) : next(),
    );
    const { consumer, told } = bench.consumer({ handle: () => {}, visibilityTimeoutSeconds: 4 });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.clock.monotonicMs()).toBeLessThan(4_000);
    expect(only(told, "started")).toHaveLength(1);
  });

  it("fault 11: a failed delete is taken for a failed handler, and finished work is made visible again", async () => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    bench.sqs.intercept("DeleteMessageBatch", (next) =>
      bench.clock.monotonicMs() < 20_000 ? Promise.reject(refusedConnection) : next(),
    );
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    expect(bench.sqs.of("ChangeMessageVisibility")).toEqual([]);
    expect(bench.sqs.of("ChangeMessageVisibilityBatch")).toEqual([]);
    expect(only(told, "failed")).toEqual([]);
    expect(only(told, "started")).toHaveLength(10);
  });
});

describe("giving up", () => {
  it("fault 10: gives up when the lease is over, says so, and frees the permits", async () => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(refusedConnection));
    const { consumer, told } = bench.consumer({ handle: () => {}, concurrency: 10, prefetch: 0 });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().settlementsFailed === 10);
    expect(bench.clock.monotonicMs()).toBeLessThanOrEqual(30_000);
    expect(new Set(bodies(only(told, "settleFailed")))).toEqual(new Set(tenJobs()));
    for (const { outcome, error } of only(told, "settleFailed")) {
      expect(outcome).toMatchObject({ type: "acknowledge" });
      expect(error).toMatchObject({ code: "SETTLEMENT_FAILED", cause: refusedConnection });
    }
    expect(consumer.stats()).toMatchObject({ acknowledged: 0, inHand: 0 });

    bench.sqs.intercept("DeleteMessageBatch", undefined);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 10);
    await bench.clock.advance(1_000);
    // All ten permits are free again: the open poll asks for ten.
    expect(bench.sqs.of("ReceiveMessage").at(-1)).toMatchObject({
      input: { MaxNumberOfMessages: 10 },
      endedAtMs: undefined,
    });
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it("gives up at once what SQS refuses for good: a dead receipt handle", async () => {
    const bench = await Bench.open();
    await bench.send("dead", "alive");
    failEntries(bench, "DeleteMessageBatch", ({ Id }) =>
      Id === "0" ? { SenderFault: true, Code: "ReceiptHandleIsInvalid" } : undefined,
    );
    const { consumer, told } = bench.consumer({ handle: () => sleep(bench.clock, 100) });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(bench.sqs.of("DeleteMessageBatch")).toHaveLength(1);
    expect(only(told, "settleFailed")).toHaveLength(1);
    expect(consumer.stats()).toMatchObject({ acknowledged: 1, inHand: 0 });
  });

  it("repeats one poison entry alone until its lease is over, and nothing beside it", async () => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    let poison: string | undefined;
    failEntries(bench, "DeleteMessageBatch", ({ ReceiptHandle }) => {
      poison ??= ReceiptHandle;
      return ReceiptHandle === poison ? {} : undefined;
    });
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().settlementsFailed === 1);
    expect(consumer.stats()).toMatchObject({ acknowledged: 9, inHand: 0 });
    const sizes = bench.sqs.of("DeleteMessageBatch").map(({ input }) => input.Entries.length);
    expect(sizes[0]).toBe(10);
    expect(sizes.slice(1).every((size) => size === 1)).toBe(true);
    expect(sizes.length).toBeLessThan(30);
  });
});

describe("stopping", () => {
  it("fault 12: stop ends before the gathered deletes are flushed", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b", "c");
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    expect(bench.sqs.of("DeleteMessageBatch")).toEqual([]);
    expect(consumer.stats()).toMatchObject({ settling: 3 });
    const report = await bench.run(consumer.stop());
    expect(report).toMatchObject({ finished: 3, released: 0, abandoned: 0 });
    expect(report.durationMs).toBeLessThan(5);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it("fault 12: stop aborts the deletes of work that is already done", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    bench.sqs.intercept("DeleteMessageBatch", async (next, _, { signal }) => {
      await sleep(bench.clock, 3_000, signal);
      return next();
    });
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(500);
    const report = await bench.run(consumer.stop({ deadlineMs: 0 }));
    expect(report).toMatchObject({ finished: 1, abandoned: 0 });
    expect(only(told, "acknowledged")).toHaveLength(1);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it("repeats failed deletes while it stops", async () => {
    const bench = await Bench.open();
    await bench.send("a");
    bench.sqs.intercept("DeleteMessageBatch", (next) =>
      bench.clock.monotonicMs() < 6_000 ? Promise.reject(refusedConnection) : next(),
    );
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(await bench.run(consumer.stop())).toMatchObject({ finished: 1, abandoned: 0 });
  });

  it.each([
    ["rejects everything", () => Promise.reject(refusedConnection)],
    ["answers nothing", never],
  ])("gives up within bounds when it is stopped and SQS %s", async (_, failure) => {
    const bench = await Bench.open();
    await bench.send(...tenJobs());
    const gone = (): Promise<never> => failure() as Promise<never>;
    bench.sqs.intercept("DeleteMessageBatch", gone);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", gone);
    const release = deferred();
    const { consumer, told } = bench.consumer({
      handle: ({ body }) => (body < "job 3" ? undefined : release.promise),
      concurrency: 5,
      prefetch: 5,
    });
    await bench.start(consumer);
    await bench.clock.advance(100);
    bench.sqs.intercept("ReceiveMessage", gone);
    release.resolve();
    const report = await bench.run(consumer.stop({ deadlineMs: 1_000 }));
    expect(report).toMatchObject({ finished: 0, released: 0, abandoned: 10 });
    expect(report.durationMs).toBeLessThanOrEqual(17_000);
    expect(only(told, "settleFailed")).toHaveLength(10);
  });
});

describe("what acknowledges", () => {
  it.each([
    ["undefined", undefined],
    ["null", null],
    ["false", false],
    ["0", 0],
    ["an empty list", []],
    ["an Error", new Error("returned, not thrown")],
    ["what looks like an outcome", { type: "retry", afterSeconds: 5 }],
  ])(
    "fault 13: acknowledging by the value that a handler happens to return: %s",
    async (_, value) => {
      const bench = await Bench.open();
      await bench.send("a");
      const { consumer } = bench.consumer({ handle: () => Promise.resolve(value) });
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
      expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
    },
  );
});

it("a signal does not abort once its handler has ended, though its settlement is given up", async () => {
  const bench = await Bench.open({ VisibilityTimeout: "10" });
  await bench.send("job");
  bench.sqs.intercept("DeleteMessageBatch", async () => {
    throw serviceError("DeleteMessageBatch", "InternalError", 500);
  });
  let signal: AbortSignal | undefined;
  const { consumer } = bench.consumer({ handle: (_, context) => void (signal ??= context.signal) });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().settlementsFailed === 1, 30_000);
  expect(signal?.aborted).toBe(false);
});
