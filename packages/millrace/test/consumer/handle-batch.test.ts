/**
 * Batch handlers: gathering, outcomes, and that every promise about one message holds for many at once.
 */
import { deadLetter, release, retry, sleep } from "millrace";
import type { Message } from "millrace";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Bench, bodies, only, silence } from "./bench.ts";
import { serviceError } from "./faults.ts";

const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

/** A batch handler that writes its batches down. */
function recording<R>(then: (messages: readonly Message[]) => R): {
  batches: string[][];
  handleBatch: (messages: readonly Message[]) => R;
} {
  const batches: string[][] = [];
  return {
    batches,
    handleBatch: (messages) => {
      batches.push(messages.map(({ body }) => body));
      return then(messages);
    },
  };
}

describe("gathering", () => {
  it("takes more than ten, across receives", async () => {
    const bench = await Bench.open();
    await bench.send(...texts(100));
    const { batches, handleBatch } = recording(() => sleep(bench.clock, 1_000));
    const { consumer } = bench.consumer({ handleBatch, batch: { maxSize: 50 }, concurrency: 2 });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 100);
    expect(batches.map(({ length }) => length)).toEqual([50, 50]);
  });

  it("waits for others as long as it may, and no longer", async () => {
    const bench = await Bench.open();
    const { batches, handleBatch } = recording(() => bench.clock.monotonicMs());
    const { consumer } = bench.consumer({
      handleBatch,
      batch: { maxSize: 10, maxWaitMs: 200 },
      concurrency: 3,
    });
    await bench.start(consumer);
    await bench.send("a");
    await bench.clock.advance(150);
    await bench.send("b");
    await bench.clock.advance(49);
    expect(batches).toEqual([]);
    await bench.clock.advance(1);
    expect(batches).toEqual([["a", "b"]]);
    await bench.send("c");
    await bench.clock.advance(200);
    expect(batches).toEqual([["a", "b"], ["c"]]);
  });

  it("waits for nothing with a wait of 0", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const { batches, handleBatch } = recording(() => {});
    const { consumer } = bench.consumer({ handleBatch, batch: { maxWaitMs: 0 } });
    await bench.start(consumer);
    await bench.clock.advance(0);
    expect(batches).toEqual([["a", "b"]]);
  });

  it("has up to `concurrency` batches at once, and never more in hand than they and the prefetch hold", async () => {
    const bench = await Bench.open();
    await bench.send(...texts(100));
    let running = 0;
    let most = 0;
    const { consumer } = bench.consumer({
      handleBatch: async () => {
        most = Math.max(most, ++running);
        await sleep(bench.clock, 1_000);
        running -= 1;
      },
      batch: { maxSize: 5, maxWaitMs: 10 },
      concurrency: 3,
      prefetch: 2,
    });
    consumer.on("received", () => {
      expect(consumer.stats().inHand).toBeLessThanOrEqual(3 * 5 + 2);
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 100);
    expect(most).toBe(3);
    expect(bench.logged).toEqual([]);
  });
});

describe("outcomes", () => {
  it("carries out one outcome a message", async () => {
    const bench = await Bench.open();
    const dead = await bench.deadLetterQueue();
    await bench.send("ok", "later", "mine", "bad");
    const { consumer, told } = bench.consumer({
      handleBatch: (messages) =>
        messages.map(({ body, receiveCount }) => {
          if (receiveCount > 1) return undefined;
          if (body === "later") return retry({ afterSeconds: 30 });
          if (body === "mine") return release();
          if (body === "bad") return deadLetter({ reason: "bad" });
          return undefined;
        }),
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(new Set(bodies(only(told, "acknowledged")))).toEqual(new Set(["mine", "ok"]));
    expect(only(told, "retried")).toMatchObject([{ message: { body: "later" }, afterSeconds: 30 }]);
    expect(bodies(only(told, "released"))).toEqual(["mine"]);
    expect(await bench.drain(dead)).toEqual(["bad"]);
  });

  it("takes one outcome for all", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const { consumer, told } = bench.consumer({ handleBatch: () => retry({ afterSeconds: 60 }) });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(bodies(only(told, "retried"))).toEqual(["a", "b"]);
    expect(only(told, "failed")).toEqual([]);
  });

  it("retries all when it throws", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const { consumer, told } = bench.consumer({
      handleBatch: () => Promise.reject(new Error("on purpose")),
      retry: () => 60,
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(bodies(only(told, "failed"))).toEqual(["a", "b"]);
    expect(bodies(only(told, "retried"))).toEqual(["a", "b"]);
  });

  it.each<[string, unknown]>([
    ["is too short", [undefined]],
    ["is too long", [undefined, undefined, undefined]],
    ["is empty", []],
    ["says how promises ended", [{ status: "rejected" }, { status: "fulfilled" }]],
    ["holds null", [null, undefined]],
  ])("acknowledges nothing when the array it answers %s", async (_, answer) => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const { consumer, told } = bench.consumer({ handleBatch: () => answer, retry: () => 60 });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(only(told, "failed")).toMatchObject([
      { error: { code: "BATCH_OUTCOMES" } },
      { error: { code: "BATCH_OUTCOMES" } },
    ]);
    expect(consumer.stats()).toMatchObject({ acknowledged: 0, retried: 2 });
  });

  it.each<[string, (messages: readonly Message[]) => unknown]>([
    [
      "proxies that were revoked",
      () => {
        const { proxy, revoke } = Proxy.revocable([], {});
        revoke();
        return [proxy, proxy];
      },
    ],
    [
      "a proxy of an array that objects to being read",
      (messages) =>
        new Proxy([...messages], {
          get: (target, key) => {
            if (key === "then") return undefined;
            throw new Error(`no ${String(key)} of ${target.length} for you`);
          },
        }),
    ],
    [
      "an array with methods of its own",
      (messages) =>
        Object.assign([...messages], { findIndex: () => -1, map: () => [], some: () => false }),
    ],
    [
      "promises that nobody has awaited, and that reject",
      (messages) => messages.map(() => Promise.reject(new Error("nobody has awaited me"))),
    ],
  ])("retries all when it returns %s", async (_, answer) => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const { consumer, told } = bench.consumer({ handleBatch: answer, retry: () => 60 });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(bodies(only(told, "retried"))).toEqual(["a", "b"]);
    expect(only(told, "failed")).toMatchObject([
      { error: { code: "BATCH_OUTCOMES" } },
      { error: { code: "BATCH_OUTCOMES" } },
    ]);
    expect(only(told, "acknowledged")).toEqual([]);
    expect(bench.logged.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("settles a body that the schema refuses as a failure of that message alone", async () => {
    const bench = await Bench.open();
    const dead = await bench.deadLetterQueue();
    await bench.send('{"seat":1}', "no JSON", '{"seat":2}');
    const seats: number[][] = [];
    const { consumer } = bench.consumer({
      schema: z.object({ seat: z.number() }),
      handleBatch: (messages) => void seats.push(messages.map(({ body }) => body.seat)),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(seats).toEqual([[1, 2]]);
    expect(await bench.drain(dead)).toEqual(["no JSON"]);
  });
});

describe("fault 30: the timeout does not apply to batch handlers", () => {
  it("aborts the batch's signal with the timeout, and retries all of it", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const reasons: unknown[] = [];
    const { consumer, told } = bench.consumer({
      handleBatch: async (_, { signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        await sleep(bench.clock, 60_000, signal);
      },
      handlerTimeoutMs: 1_000,
      retry: () => 3_600,
    });
    await bench.start(consumer);
    await bench.clock.advance(5_000);
    expect(reasons).toMatchObject([{ code: "HANDLER_TIMEOUT" }]);
    expect(only(told, "failed")).toMatchObject([
      { error: { code: "HANDLER_TIMEOUT" } },
      { error: { code: "HANDLER_TIMEOUT" } },
    ]);
    expect(consumer.stats()).toMatchObject({ retried: 2 });
  });

  it("leaves a batch behind that ignores its signal, and works on", async () => {
    const bench = await Bench.open();
    await bench.send("hangs");
    const { consumer } = bench.consumer({
      handleBatch: ([first]) => (first?.body === "hangs" ? new Promise(() => {}) : undefined),
      batch: { maxWaitMs: 0 },
      concurrency: 1,
      handlerTimeoutMs: 1_000,
      retry: () => 3_600,
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    await bench.send("next");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(consumer.stats()).toMatchObject({ retried: 1 });
  });
});

describe("leases", () => {
  it("keeps those of a batch that is gathered, and of one that runs", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "10" });
    await bench.send(...texts(20));
    const { consumer, told } = bench.consumer({
      handleBatch: () => sleep(bench.clock, 60_000),
      batch: { maxSize: 30, maxWaitMs: 30_000 },
      concurrency: 1,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 20);
    expect(only(told, "leaseLost")).toEqual([]);
    expect(consumer.stats()).toMatchObject({ received: 20 });
  });

  it("aborts the batch when the lease of one of it is lost, and settles the rest by what it then does", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "10" });
    await bench.send("a", "b");
    bench.sqs.intercept("ChangeMessageVisibilityBatch", async (next, { Entries }) => {
      const answer = await next();
      const [first] = Entries;
      if (first?.VisibilityTimeout === 0) return answer;
      const Failed = [{ Id: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true }];
      return { Successful: Entries.slice(1).map(({ Id }) => ({ Id })), Failed };
    });
    const reasons: unknown[] = [];
    const { consumer, told } = bench.consumer({
      handleBatch: async (_, { signal }) => {
        await sleep(bench.clock, 60_000, signal).catch((error: unknown) => reasons.push(error));
        return [undefined, undefined];
      },
      concurrency: 1,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(reasons).toMatchObject([{ code: "LEASE_LOST" }]);
    expect(bodies(only(told, "leaseLost"))).toEqual(["a"]);
    expect(bodies(only(told, "acknowledged"))).toEqual(["b"]);
  });

  it("tells the rest of a batch that was left behind why it was", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "10" });
    await bench.send("a", "b");
    let refused = false;
    bench.sqs.intercept("ChangeMessageVisibilityBatch", async (next, { Entries }) => {
      const answer = await next();
      const [first] = Entries;
      if (first?.VisibilityTimeout !== 10 || refused) return answer;
      refused = true;
      const Failed = [{ Id: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true }];
      return { Successful: Entries.slice(1).map(({ Id }) => ({ Id })), Failed };
    });
    const { consumer, told } = bench.consumer({
      handleBatch: () => new Promise(() => {}),
      concurrency: 1,
      retry: () => 60,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().retried === 1);
    expect(bodies(only(told, "leaseLost"))).toEqual(["a"]);
    expect(only(told, "failed")).toMatchObject([
      { message: { body: "b" }, error: { code: "LEASE_LOST" } },
    ]);
  });
});

it("runs nothing of a gathered batch whose lease was lost meanwhile", async () => {
  const bench = await Bench.open({ VisibilityTimeout: "10" });
  await bench.send("a", "b");
  bench.sqs.intercept("ChangeMessageVisibilityBatch", async (next, { Entries }) => {
    const answer = await next();
    if (Entries.length < 2) return answer;
    return {
      Successful: [{ Id: "1" }],
      Failed: [{ Id: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true }],
    };
  });
  const { batches, handleBatch } = recording(() => {});
  const { consumer } = bench.consumer({ handleBatch, batch: { maxSize: 3, maxWaitMs: 8_000 } });
  await bench.start(consumer);
  bench.sqs.intercept("ReceiveMessage", (_, __, options) => silence(options));
  await bench.clock.advance(9_000);
  expect(batches).toEqual([["b"]]);
  expect(consumer.stats()).toMatchObject({ acknowledged: 1, leasesLost: 1 });
});

it("runs nothing of a group behind one that was lost while their batch was gathered", async () => {
  const bench = await Bench.open({ FifoQueue: "true", VisibilityTimeout: "10" });
  await bench.sendTo("a", "a1", "a2");
  await bench.sendTo("b", "b1");
  let refused = false;
  bench.sqs.intercept("ChangeMessageVisibilityBatch", async (next, { Entries }) => {
    const answer = await next();
    if (refused || Entries.length < 3) return answer;
    refused = true;
    return {
      Successful: [{ Id: "1" }, { Id: "2" }],
      Failed: [{ Id: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true }],
    };
  });
  const { batches, handleBatch } = recording(() => {});
  const { consumer, told } = bench.consumer({
    handleBatch,
    concurrency: 1,
    batch: { maxSize: 4, maxWaitMs: 8_000 },
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
  expect(bodies(only(told, "leaseLost"))).toEqual(["a1"]);
  expect(batches).toEqual([["b1"], ["a1", "a2"]]);
});

describe("stop", () => {
  it("releases a batch that is being gathered", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const { batches, handleBatch } = recording(() => {});
    const { consumer } = bench.consumer({ handleBatch, batch: { maxWaitMs: 60_000 } });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(await bench.run(consumer.stop())).toMatchObject({ released: 2, abandoned: 0 });
    expect(batches).toEqual([]);
    expect(await bench.depth()).toEqual({ visible: 2, inFlight: 0 });
  });

  it("lets a running batch finish, and aborts its signal at the deadline", async () => {
    const bench = await Bench.open();
    await bench.send("a", "b");
    const { consumer } = bench.consumer({
      handleBatch: (_, { signal }) => sleep(bench.clock, 60_000, signal),
      batch: { maxWaitMs: 0 },
    });
    await bench.start(consumer);
    await bench.clock.advance(100);
    const report = await bench.run(consumer.stop({ deadlineMs: 1_000 }));
    expect(report).toMatchObject({ finished: 0, released: 2, abandoned: 0 });
    expect(await bench.depth()).toEqual({ visible: 2, inFlight: 0 });
  });
});

describe("lanes in batches", () => {
  const fifo = { FifoQueue: "true" };

  it("takes several of a group in one batch, in order, and none of it into another meanwhile", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1", "a2", "a3", "a4");
    await bench.sendTo("b", "b1");
    const { batches, handleBatch } = recording(() => sleep(bench.clock, 1_000));
    const { consumer } = bench.consumer({ handleBatch, batch: { maxSize: 3, maxWaitMs: 0 } });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 5);
    expect(batches).toEqual([["a1", "a2", "a3"], ["b1"], ["a4"]]);
  });

  it.each([
    ["FIFO", fifo, 0],
    ["standard", {}, 20],
  ])(
    "brings those behind a failed one back with it, in and behind its batch (%s)",
    async (_, attributes: Record<string, string>, afterSeconds) => {
      const bench = await Bench.open(attributes);
      await bench.sendTo("t", "a1", "b1", "a2", "a3", "a4");
      const { batches, handleBatch } = recording((messages) =>
        messages.map(({ body, receiveCount }) =>
          body === "a2" && receiveCount === 1 ? retry({ afterSeconds: 20 }) : undefined,
        ),
      );
      const { consumer, told } = bench.consumer({
        handleBatch,
        batch: { maxSize: 3, maxWaitMs: 0 },
        orderBy: ({ body }) => body.slice(0, 1),
      });
      await bench.start(consumer);
      await bench.clock.advance(1_000);
      expect(batches[0]).toEqual(["a1", "a2", "a3"]);
      expect(new Set(bodies(only(told, "acknowledged")))).toEqual(new Set(["a1", "b1"]));
      expect(only(told, "released")).toMatchObject([
        { message: { body: "a4" }, afterSeconds },
        { message: { body: "a3" }, afterSeconds },
      ]);
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 5);
      // In which order they come back is SQS's: on a FIFO queue as they were sent.
      const again = batches.flat().filter((body) => body !== "b1");
      expect(again.slice(0, 4)).toEqual(["a1", "a2", "a3", "a2"]);
      expect(new Set(again.slice(4))).toEqual(new Set(["a3", "a4"]));
    },
  );

  it("tells of each that failed what really follows: those behind the first are released", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1", "a2", "a3");
    const { consumer, told } = bench.consumer({
      handleBatch: () => Promise.reject(new Error("on purpose")),
      retry: () => 100,
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    const follows = only(told, "failed").map(({ message, outcome }) => [
      message.body,
      outcome.type,
    ]);
    expect(follows).toEqual([
      ["a1", "retry"],
      ["a2", "release"],
      ["a3", "release"],
    ]);
    expect(bodies(only(told, "retried"))).toEqual(["a1"]);
    expect(bodies(only(told, "released"))).toEqual(["a2", "a3"]);
  });

  it("gathers what comes into a lane while it waits", async () => {
    const bench = await Bench.open();
    await bench.send(...texts(35));
    const { batches, handleBatch } = recording(() => {});
    const { consumer } = bench.consumer({
      handleBatch,
      batch: { maxSize: 30, maxWaitMs: 100 },
      orderBy: () => "one lane for all",
      concurrency: 2,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 35);
    expect(batches.map(({ length }) => length)).toEqual([30, 5]);
    expect(batches.flat()).toEqual(texts(35));
  });

  it("brings back what stands behind the earliest of a batch that fails, whichever fails first", async () => {
    const bench = await Bench.open({ ...fifo, VisibilityTimeout: "10" });
    await bench.sendTo("a", "a1", "a2", "a3");
    bench.sqs.intercept("ChangeMessageVisibilityBatch", async (next, { Entries }) => {
      const answer = await next();
      if (Entries[0]?.VisibilityTimeout === 0 || Entries.length < 3) return answer;
      // The lease of the last one is lost while the batch runs.
      const Failed = [{ Id: "2", Code: "ReceiptHandleIsInvalid", SenderFault: true }];
      return { Successful: [{ Id: "0" }, { Id: "1" }], Failed };
    });
    const { batches, handleBatch } = recording(async (messages) => {
      if (messages[0]?.receiveCount !== 1) return undefined;
      await sleep(bench.clock, 9_000);
      return [retry({ afterSeconds: 1 }), undefined, undefined];
    });
    const { consumer, told } = bench.consumer({ handleBatch, batch: { maxWaitMs: 0 } });
    await bench.start(consumer);
    await bench.clock.advance(9_500);
    expect(bodies(only(told, "leaseLost"))).toEqual(["a3"]);
    expect(bodies(only(told, "released"))).toEqual(["a2"]);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
    expect(batches.flat()).toEqual(["a1", "a2", "a3", "a1", "a2", "a3"]);
  });

  it("lets a message whose body is refused have its turn alone, and nothing of its group past it", async () => {
    const bench = await Bench.open(fifo);
    const dead = await bench.deadLetterQueue();
    await bench.sendTo("a", '{"seat":1}', "no-JSON", '{"seat":2}', '{"seat":3}');
    let refusals = 2;
    bench.sqs.intercept("SendMessage", async (next) => {
      if (refusals-- > 0) throw serviceError("SendMessage", "InternalError", 500);
      return next();
    });
    const steps: unknown[] = [];
    const { consumer } = bench.consumer({
      schema: z.object({ seat: z.number() }),
      handleBatch: (messages) => void steps.push(messages.map(({ body }) => body.seat)),
      batch: { maxWaitMs: 0 },
    });
    consumer.on("deadLettered", ({ message }) => steps.push(message.rawBody));
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
    expect(steps).toEqual([[1], "no-JSON", [2, 3]]);
    expect(await bench.drain(dead)).toEqual(["no-JSON"]);
  });

  it("waits for the deletes of a batch before the next of its group starts", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1", "a2", "a3");
    let refusals = 2;
    bench.sqs.intercept("DeleteMessageBatch", async (next) => {
      if (refusals-- > 0) throw serviceError("DeleteMessageBatch", "InternalError", 500);
      await sleep(bench.clock, 500);
      return next();
    });
    const steps: string[] = [];
    const { consumer } = bench.consumer({
      handleBatch: (messages) => void steps.push(messages.map(({ body }) => body).join()),
      batch: { maxSize: 2, maxWaitMs: 0 },
    });
    consumer.on("acknowledged", ({ message }) => steps.push(`-${String(message.body)}`));
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
    expect(steps).toEqual(["a1,a2", "-a1", "-a2", "a3", "-a3"]);
  });
});
