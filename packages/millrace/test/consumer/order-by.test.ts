/**
 * Order by a key on standard queues: one of a key at a time, in the order received.
 */
import { retry, sleep } from "millrace";
import type { Consumer, Message } from "millrace";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Bench, bodies, only } from "./bench.ts";
import { failEntries } from "./entry-faults.ts";

/** The key of `a1` is `a`. */
const byLetter = ({ body }: Message): string => body.slice(0, 1);

describe("order by a key", () => {
  it("handles one of a key at a time, in the order received, and other keys meanwhile", async () => {
    const bench = await Bench.open();
    await bench.send("a1", "a2", "b1", "a3", "b2", "c1");
    const log: string[] = [];
    const { consumer } = bench.consumer({
      orderBy: byLetter,
      handle: async ({ body }) => {
        log.push(`+${body}`);
        await sleep(bench.clock, 100);
        log.push(`-${body}`);
      },
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 6);
    const of = (key: string): string => log.filter((line) => line.includes(key)).join(" ");
    expect(of("a")).toBe("+a1 -a1 +a2 -a2 +a3 -a3");
    expect(of("b")).toBe("+b1 -b1 +b2 -b2");
    expect(log.slice(0, 3)).toEqual(["+a1", "+b1", "+c1"]);
  });

  it("does not wait for a delete before the next of the key starts", async () => {
    const bench = await Bench.open();
    await bench.send("a1", "a2");
    bench.sqs.intercept("DeleteMessageBatch", async (next) => {
      await sleep(bench.clock, 5_000);
      return next();
    });
    const started: number[] = [];
    const { consumer } = bench.consumer({
      orderBy: byLetter,
      handle: () => void started.push(bench.clock.monotonicMs()),
    });
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(started).toEqual([0, 0]);
  });

  it("delays those of the key that are in hand by a failure's own delay, and no others", async () => {
    const bench = await Bench.open();
    await bench.send("a1", "a2", "b1", "a3", "b2");
    const handled: string[] = [];
    const { consumer, told } = bench.consumer({
      orderBy: byLetter,
      retry: () => 7,
      handle: async ({ body, receiveCount }) => {
        await sleep(bench.clock, 10);
        if (body === "a1" && receiveCount === 1) throw new Error("on purpose");
        handled.push(body);
      },
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(handled).toEqual(["b1", "b2"]);
    expect(only(told, "released")).toMatchObject([
      { message: { body: "a2" }, afterSeconds: 7 },
      { message: { body: "a3" }, afterSeconds: 7 },
    ]);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 5);
    expect(handled).toEqual(["b1", "b2", "a1", "a2", "a3"]);
  });

  it("keeps the leases of those that wait in their lane", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "10" });
    await bench.send("a1", "a2", "a3");
    const { consumer, told } = bench.consumer({
      orderBy: byLetter,
      handle: () => sleep(bench.clock, 60_000),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
    expect(only(told, "leaseLost")).toEqual([]);
    expect(consumer.stats()).toMatchObject({ received: 3 });
  });

  it("lets messages without a key run in parallel", async () => {
    const bench = await Bench.open();
    await bench.send("a1", "a2", "x1", "x2");
    const { consumer } = bench.consumer({
      orderBy: (message) => (byLetter(message) === "x" ? undefined : byLetter(message)),
      handle: (_, { signal }) => sleep(bench.clock, 1_000, signal),
    });
    await bench.start(consumer);
    await bench.clock.advance(500);
    expect(consumer.stats()).toMatchObject({ running: 3, held: 1 });
  });

  it("replaces the group of a FIFO queue", async () => {
    const bench = await Bench.open({ FifoQueue: "true" });
    await bench.sendTo("tenant", "a1", "a2", "b1");
    const { consumer } = bench.consumer({
      orderBy: byLetter,
      handle: (_, { signal }) => sleep(bench.clock, 1_000, signal),
    });
    await bench.start(consumer);
    await bench.clock.advance(500);
    expect(consumer.stats()).toMatchObject({ running: 2, held: 1 });
  });
});

describe("a key that spans the groups of a FIFO queue", () => {
  it("brings those of other groups back with the one that failed, not before it", async () => {
    const bench = await Bench.open({ FifoQueue: "true" });
    await bench.sendTo("g1", "a1");
    await bench.sendTo("g2", "a2");
    await bench.sendTo("g1", "a3");
    await bench.sendTo("g2", "b1");
    const handled: string[] = [];
    const { consumer, told } = bench.consumer({
      orderBy: byLetter,
      retry: () => 30,
      handle: async ({ body, receiveCount }) => {
        await sleep(bench.clock, 100);
        if (body === "a1" && receiveCount === 1) throw new Error("on purpose");
        handled.push(body);
      },
    });
    await bench.start(consumer);
    await bench.clock.advance(29_000);
    expect(handled).toEqual(["b1"]);
    // SQS holds the group of the one that failed behind it, and no other.
    expect(only(told, "released")).toMatchObject([
      { message: { body: "a3" }, afterSeconds: 0 },
      { message: { body: "a2" }, afterSeconds: 30 },
    ]);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4);
    expect(handled[1]).toBe("a1");
  });

  it.each([
    { group: "g2", afterSeconds: 30 },
    { group: "g1", afterSeconds: 0 },
  ])("does so with what was not read yet, and what shares its batch, of $group", async (second) => {
    const bench = await Bench.open({ FifoQueue: "true" });
    await bench.sendTo("g1", JSON.stringify("a1"));
    await bench.sendTo(second.group, JSON.stringify("a2"));
    await bench.sendTo("g3", JSON.stringify("b1"), JSON.stringify("a3"));
    const batches: string[][] = [];
    const { consumer, told } = bench.consumer({
      // b1 takes its time, and a3 is behind it.
      schema: z.string().refine(async (text) => {
        if (text === "b1") await sleep(bench.clock, 2_000);
        return true;
      }),
      orderBy: ({ body }) => body.slice(0, 1),
      handleBatch: (messages) => {
        batches.push(messages.map(({ body }) => body));
        return messages.map(({ body, receiveCount }) =>
          body === "a1" && receiveCount === 1 ? retry({ afterSeconds: 30 }) : undefined,
        );
      },
      batch: { maxWaitMs: 100 },
    });
    await bench.start(consumer);
    await bench.clock.advance(10_000);
    expect(batches).toEqual([["a1", "a2"], ["b1"]]);
    expect(only(told, "released")).toMatchObject([
      { message: { body: "a2" }, afterSeconds: second.afterSeconds },
      { message: { body: "a3" }, afterSeconds: 30 },
    ]);
    expect(bodies(only(told, "acknowledged"))).toEqual(["b1"]);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4);
  });
});

describe("a key in the body", () => {
  const Seat = z.object({ seat: z.string(), number: z.number() });
  const json = (seat: string, number: number): string => JSON.stringify({ seat, number });

  it("is found in what the schema made of it", async () => {
    const bench = await Bench.open();
    await bench.send(json("a", 1), json("a", 2), json("b", 1));
    const { consumer } = bench.consumer({
      schema: Seat,
      orderBy: ({ body }) => body.seat,
      handle: (_, { signal }) => sleep(bench.clock, 1_000, signal),
    });
    await bench.start(consumer);
    await bench.clock.advance(500);
    expect(consumer.stats()).toMatchObject({ running: 2, held: 1 });
  });

  it("keeps the order received when a schema takes its time, and longer for the first", async () => {
    const bench = await Bench.open();
    await bench.send(json("a", 1), json("a", 2), json("a", 3));
    const numbers: number[] = [];
    const { consumer } = bench.consumer({
      schema: Seat.refine(async ({ number }) => {
        await sleep(bench.clock, 1_000 / number);
        return true;
      }),
      orderBy: ({ body }) => body.seat,
      handle: ({ body }) => void numbers.push(body.number),
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
    expect(numbers).toEqual([1, 2, 3]);
  });

  it("takes back what the schema had not answered for when one before it in its lane failed", async () => {
    const bench = await Bench.open();
    await bench.send(...["a1", "b1", "a2", "a3"].map((text) => JSON.stringify(text)));
    const started: string[] = [];
    const { consumer, told } = bench.consumer({
      // b1 takes its time, and a2 and a3 are behind it.
      schema: z.string().refine(async (text) => {
        if (text === "b1") await sleep(bench.clock, 2_000);
        return true;
      }),
      orderBy: ({ body }) => body.slice(0, 1),
      handle: ({ body, receiveCount }) => {
        started.push(body);
        return body === "a1" && receiveCount === 1 ? retry({ afterSeconds: 5 }) : undefined;
      },
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4);
    expect(started).toEqual(["a1", "b1", "a1", "a2", "a3"]);
    expect(only(told, "released")).toMatchObject([{ afterSeconds: 5 }, { afterSeconds: 5 }]);
    // What has failed is forgotten with what was unread then.
    await bench.send(JSON.stringify("a4"));
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 5);
  });

  it("fails the message alone whose schema never answers, after ten seconds", async () => {
    const bench = await Bench.open();
    await bench.deadLetterQueue();
    await bench.send(json("a", 1), json("a", 2), json("b", 3));
    const { consumer, told } = bench.consumer({
      schema: Seat.refine(({ number }) =>
        number === 1 ? new Promise<boolean>(() => {}) : Promise.resolve(true),
      ),
      orderBy: ({ body }) => body.seat,
      retry: () => 3_600,
      handle: () => {},
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(bench.clock.monotonicMs()).toBeLessThan(11_000);
    expect(only(told, "failed")).toMatchObject([{ error: { code: "BODY_TIMEOUT" } }]);
    expect(consumer.stats()).toMatchObject({ retried: 1 });
  });

  it("ends a schema's answer that is waited for when the consumer stops", async () => {
    const bench = await Bench.open();
    await bench.send(json("a", 1), json("a", 2));
    const { consumer } = bench.consumer({
      schema: Seat.refine(() => new Promise<boolean>(() => {})),
      orderBy: ({ body }) => body.seat,
      handle: () => {},
    });
    await bench.start(consumer);
    expect(await bench.run(consumer.stop())).toMatchObject({ released: 2, abandoned: 0 });
    expect(await bench.depth()).toEqual({ visible: 2, inFlight: 0 });
  });

  it("settles a body that the schema refuses as a failure of its message alone", async () => {
    const bench = await Bench.open();
    const dead = await bench.deadLetterQueue();
    await bench.send(json("a", 1), "no JSON", json("a", 2));
    const { consumer } = bench.consumer({
      schema: Seat,
      orderBy: ({ body }) => body.seat,
      handle: () => {},
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(consumer.stats()).toMatchObject({ deadLettered: 1 });
    expect(await bench.drain(dead)).toEqual(["no JSON"]);
  });
});

describe("an orderBy that goes wrong", () => {
  const onPurpose = new Error("on purpose");
  const wrong: Record<string, { orderBy: () => unknown; error: object }> = {
    "throws an Error": {
      orderBy: () => {
        throw onPurpose;
      },
      error: onPurpose,
    },
    "throws undefined": {
      orderBy: () => {
        // oxlint-disable-next-line typescript/only-throw-error -- JavaScript throws anything
        throw undefined;
      },
      error: { cause: undefined },
    },
    "answers null": { orderBy: () => null, error: { code: "INVALID_ORDER_KEY", received: null } },
    "answers an object": {
      orderBy: () => ({ seat: 1 }),
      error: { code: "INVALID_ORDER_KEY", received: { seat: 1 } },
    },
    "is an async function": {
      orderBy: () => Promise.reject(onPurpose),
      error: { code: "INVALID_ORDER_KEY" },
    },
  };
  it.each(Object.keys(wrong))("costs its own message and no other when it %s", async (name) => {
    const bench = await Bench.open();
    await bench.send("a1", "bad", "a2");
    const handled: string[] = [];
    const { consumer, told } = bench.consumer({
      orderBy: (message) =>
        message.body === "bad" ? (wrong[name]?.orderBy() as string) : byLetter(message),
      retry: () => 3_600,
      handle: ({ body }) => void handled.push(body),
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(handled).toEqual(["a1", "a2"]);
    expect(bodies(only(told, "retried"))).toEqual(["bad"]);
    expect(only(told, "failed")).toMatchObject([{ error: wrong[name]?.error }]);
    expect(consumer.stats()).toMatchObject({ inHand: 0 });
  });
});

describe("a stop in the middle of it", () => {
  it.each([
    ["standard", {}],
    ["FIFO", { FifoQueue: "true" }],
  ])("says of what it releases that it does, and of no failure (%s)", async (_, attributes) => {
    const bench = await Bench.open(attributes);
    await bench.sendTo("g", "a1", "b1", "b2", "b3");
    const { consumer, told } = bench.consumer({
      orderBy: byLetter,
      concurrency: 1,
      handle: () => sleep(bench.clock, 1_000),
    });
    await bench.start(consumer);
    await bench.run(consumer.stop());
    // b1 has its turn, and waits for a worker; the others wait for their turns.
    expect(only(told, "released").map(({ message, reason }) => [message.body, reason])).toEqual(
      expect.arrayContaining(["b1", "b2", "b3"].map((body) => [body, "the consumer stops"])),
    );
  });

  it.each([
    ["orderBy", true],
    ["a listener of received", true],
    ["a listener of received", false],
  ])("releases everything when %s stops the consumer (ordered: %s)", async (who, ordered) => {
    const bench = await Bench.open();
    await bench.send("a1", "a2", "b1");
    let stopped: Promise<unknown> | undefined;
    const handled: string[] = [];
    const { consumer }: { consumer: Consumer } = bench.consumer({
      ...(ordered && {
        orderBy: (message) => {
          if (who === "orderBy") stopped ??= consumer.stop();
          return byLetter(message);
        },
      }),
      handle: ({ body }) => void handled.push(body),
    });
    consumer.on("received", ({ count }) => {
      if (who !== "orderBy" && count > 0) stopped ??= consumer.stop();
    });
    await bench.run(consumer.start().catch(() => {}));
    await bench.run(Promise.resolve(stopped));
    expect(handled).toEqual([]);
    expect(await bench.depth()).toEqual({ visible: 3, inFlight: 0 });
    expect(bench.logged).toEqual([]);
  });
});

it("one that is lost unread leaves the delay of a failure before it to those behind it", async () => {
  const bench = await Bench.open({ VisibilityTimeout: "10" });
  await bench.send('"k1"', '"k2"', '"k3"');
  const handled: string[] = [];
  let handleOfK2: string | undefined;
  let read = false;
  bench.sqs.intercept("ReceiveMessage", async (next) => {
    const answer = await next();
    handleOfK2 ??= answer.Messages?.find(({ Body }) => Body === '"k2"')?.ReceiptHandle;
    return answer;
  });
  failEntries(bench, "ChangeMessageVisibilityBatch", ({ ReceiptHandle }) =>
    ReceiptHandle === handleOfK2
      ? { SenderFault: true, Code: "ReceiptHandleIsInvalid" }
      : undefined,
  );
  const { consumer } = bench.consumer({
    schema: z.string().refine(async (text) => {
      if (text !== "k2" || read) return true;
      // Longer than its lease holds without an extension.
      await sleep(bench.clock, 9_000);
      read = true;
      return true;
    }),
    orderBy: () => "k",
    retry: () => 60,
    handle: async ({ body, receiveCount }) => {
      handled.push(body);
      if (body !== "k1" || receiveCount > 1) return;
      await sleep(bench.clock, 1_000);
      throw new Error("on purpose");
    },
  });
  await bench.start(consumer);
  await bench.clock.advance(55_000);
  expect(handled.filter((body) => body === "k3")).toEqual([]);
  await bench.clock.advanceUntil(() => handled.includes("k3"), 30_000);
});
