/**
 * When polls are opened, for how many messages, and how many at a time; what limits and pauses do to
 * them. "Opened" is what SQS sees: the log of calls stands between consumer and queue.
 */
import type { ReceiveMessageOutput } from "millrace";
import { sleep } from "millrace";
import { describe, expect, it } from "vitest";
import { PollLevel } from "../../src/consumer/poll-level.ts";
import type { InterceptedSqs } from "./bench.ts";
import { Bench, only } from "./bench.ts";
import { deferred, never, refused } from "./faults.ts";

/** What each poll since the first one asked for. */
function asked(sqs: InterceptedSqs): { max: unknown; waitSeconds: unknown; atMs: number }[] {
  return sqs
    .of("ReceiveMessage")
    .slice(1)
    .map(({ input, atMs }) => {
      const { MaxNumberOfMessages: max, WaitTimeSeconds: waitSeconds } = input as {
        MaxNumberOfMessages: number;
        WaitTimeSeconds: number;
      };
      return { max, waitSeconds, atMs };
    });
}

async function sendMany(bench: Bench, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await bench.send(`job ${index}`);
}

it("opens the next poll once what the last one brought is with its handlers", async () => {
  const bench = await Bench.open();
  const polls = (): number => bench.sqs.of("ReceiveMessage").length;
  const pollsAtStart: number[] = [];
  const { consumer } = bench.consumer({
    concurrency: 20,
    handle: () => void pollsAtStart.push(polls()),
  });
  await bench.start(consumer);
  const before = polls();
  await bench.send("1");
  await bench.clock.settle();
  // Making and signing a request takes longer than all else that an answer has to go through.
  expect(pollsAtStart).toEqual([before]);
  expect(polls()).toBe(before + 1);
});

describe("how many a poll asks for", () => {
  it("is ten whenever ten permits are free", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 25, prefetch: 25, handle: () => {} });
    await sendMany(bench, 300);
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 300, 60_000);
    expect(asked(bench.sqs).map(({ max }) => max)).toEqual(asked(bench.sqs).map(() => 10));
  });

  it("is what is free when a worker is idle and nothing waits, rather than wait for ten", async () => {
    const bench = await Bench.open();
    const slow = deferred();
    const { consumer } = bench.consumer({
      concurrency: 3,
      prefetch: 9,
      handle: (message) => (message.body === "slow" ? slow.promise : undefined),
    });
    // Three permits are held by messages that are stuck in settling, nine are free: fewer than ten.
    bench.sqs.intercept("DeleteMessageBatch", () => never());
    await bench.send("1", "2", "3");
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(consumer.stats()).toMatchObject({ settling: 3, openPolls: 1 });
    expect(asked(bench.sqs).map(({ max }) => max)).toEqual([9]);
    bench.sqs.intercept("DeleteMessageBatch", undefined);
    slow.resolve();
  });

  it("is all of them when there are fewer than ten", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 3, prefetch: 1, handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(asked(bench.sqs)).toMatchObject([{ max: 4, waitSeconds: 20 }]);
  });

  it("is nothing while every worker is busy and fewer than ten permits are free", async () => {
    const bench = await Bench.open();
    const blocked = deferred();
    const { consumer } = bench.consumer({
      concurrency: 2,
      prefetch: 8,
      handle: () => blocked.promise,
    });
    await bench.send("1", "2");
    await bench.start(consumer);
    await bench.clock.advance(60_000);
    expect(consumer.stats()).toMatchObject({ running: 2, openPolls: 0 });
    expect(asked(bench.sqs)).toEqual([]);
    blocked.resolve();
  });
});

describe("how many polls are open", () => {
  it("is one when the queue is quiet", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 100, prefetch: 100, handle: () => {} });
    await bench.start(consumer);
    for (let minute = 0; minute < 10; minute += 1) {
      await bench.clock.advance(60_000);
      expect(consumer.stats().openPolls).toBe(1);
    }
    expect(bench.sqs.of("ReceiveMessage").length).toBeLessThanOrEqual(1 + 31);
  });

  it("grows while answers come back full, and goes back to one bit by bit", async () => {
    const bench = await Bench.open();
    // Answers take time, so that several polls can be open.
    let open = 0;
    let most = 0;
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      open += 1;
      most = Math.max(most, open);
      await new Promise<void>((resolve) => void bench.clock.setTimer(resolve, 50));
      const output = await next();
      open -= 1;
      return output;
    });
    const { consumer } = bench.consumer({ concurrency: 50, prefetch: 50, handle: () => {} });
    await sendMany(bench, 800);
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged >= 500, 60_000);
    expect(most).toBeGreaterThanOrEqual(5);
    expect(most).toBeLessThanOrEqual(10);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 800, 60_000);
    // Right after the last message several are open still; a minute or so later there is one.
    expect(open).toBeGreaterThan(1);
    await bench.clock.advance(120_000);
    expect(open).toBe(1);
  });

  it("never asks for more than there are permits", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 15, prefetch: 10, handle: () => never() });
    let requested = 0;
    bench.sqs.intercept("ReceiveMessage", async (next, input) => {
      requested += input.MaxNumberOfMessages ?? 1;
      expect(requested + consumer.stats().inHand).toBeLessThanOrEqual(25);
      const output = await next();
      requested -= input.MaxNumberOfMessages ?? 1;
      return output;
    });
    await sendMany(bench, 100);
    await bench.start(consumer);
    await bench.clock.advance(60_000);
    expect(consumer.stats()).toMatchObject({ inHand: 20, running: 15, waiting: 5, openPolls: 0 });
  });

  it("falls to one by a failure, since one poll is enough to find out", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 50, prefetch: 50, handle: () => {} });
    await sendMany(bench, 300);
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 300, 60_000);
    expect(consumer.stats().openPolls).toBeGreaterThan(1);
    bench.sqs.intercept("ReceiveMessage", () => Promise.reject(refused()));
    await bench.clock.advance(60_000);
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.clock.advance(25_000);
    expect(consumer.stats().openPolls).toBe(1);
  });

  it("adapts by whole answers: full adds one, partial takes a quarter, empty a half", () => {
    const level = new PollLevel(4);
    expect(level.polls).toBe(1);
    for (let answer = 0; answer < 10; answer += 1) level.answered(10, 10);
    expect(level.polls).toBe(4);
    level.answered(0, 10);
    expect(level.polls).toBe(3);
    level.answered(0, 10);
    expect(level.polls).toBe(3);
    level.answered(9, 10);
    expect(level.polls).toBe(2);
    for (let answer = 0; answer < 10; answer += 1) level.answered(0, 10);
    expect(level.polls).toBe(1);
    level.answered(3, 3);
    expect(level.polls).toBe(2);
    level.failed();
    expect(level.polls).toBe(1);
  });
});

it("leaves connections to settlements, however many deliveries may be in hand", async () => {
  const bench = await Bench.open({ VisibilityTimeout: "30" });
  await sendMany(bench, 1_500);
  // As many as the AWS SDK's client has by default.
  const sockets = { free: 50, waiting: [] as (() => void)[] };
  const connected = async <T>(call: () => Promise<T>): Promise<T> => {
    if (sockets.free === 0) await new Promise<void>((resolve) => sockets.waiting.push(resolve));
    else sockets.free -= 1;
    try {
      await sleep(bench.clock, 10);
      return await call();
    } finally {
      const next = sockets.waiting.shift();
      if (next === undefined) sockets.free += 1;
      else next();
    }
  };
  bench.sqs.intercept("ReceiveMessage", connected);
  bench.sqs.intercept("DeleteMessageBatch", connected);
  let handled = 0;
  const { consumer } = bench.consumer({
    handleBatch: async (messages) => {
      handled += messages.length;
      await sleep(bench.clock, 100);
    },
    batch: { maxSize: 1_000 },
    concurrency: 5,
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1_500, 10_000);
  expect(handled).toBe(1_500);
  expect(consumer.stats().openPolls).toBeLessThan(50);
});

describe("answers that come at once and are empty", () => {
  it("do not make short polls spin: waitTimeSeconds 0", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ waitTimeSeconds: 0, handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(60_000);
    expect(asked(bench.sqs).length).toBeLessThan(180);
    expect(asked(bench.sqs).length).toBeGreaterThan(30);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 2_000);
  });

  it("do not make long polls spin: the in-flight limit is silent", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 100, handle: () => {} });
    bench.sqs.intercept("ReceiveMessage", () => Promise.resolve<ReceiveMessageOutput>({}));
    await bench.start(consumer);
    await bench.clock.advance(60_000);
    expect(asked(bench.sqs).length).toBeLessThan(180);
    expect(consumer.health()).toMatchObject({ status: "healthy" });
  });

  it("nor do answers that only hold what cannot be taken", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", () =>
      Promise.resolve({ Messages: [{ MessageId: "no handle" }, null] } as never),
    );
    await bench.send("wakes the poll that is open");
    await bench.clock.advance(60_000);
    expect(asked(bench.sqs).length).toBeLessThan(180);
    bench.sqs.intercept("ReceiveMessage", undefined);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2, 60_000);
    expect(consumer.stats().inHand).toBe(0);
  });

  it("more than was asked for is left to SQS, not taken without a permit", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 2, prefetch: 0, handle: () => never() });
    bench.sqs.intercept("ReceiveMessage", (_, input) =>
      bench.service.call("ReceiveMessage", { ...input, MaxNumberOfMessages: 10 }),
    );
    await sendMany(bench, 10);
    await bench.start(consumer);
    await bench.clock.advance(5_000);
    expect(consumer.stats()).toMatchObject({ inHand: 2, running: 2, received: 2 });
    bench.sqs.intercept("ReceiveMessage", undefined);
  });
});

describe("limits", () => {
  const limited = async (...limits: (() => unknown)[]): ReturnType<typeof open> => open(limits);

  async function open(
    limits: (() => unknown)[],
  ): Promise<{ bench: Bench; consumer: ReturnType<Bench["consumer"]>["consumer"] }> {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({
      concurrency: 50,
      prefetch: 50,
      limits: limits as (() => number)[],
      handle: () => {},
    });
    await bench.start(consumer);
    return { bench, consumer };
  }

  it("bound what a poll asks for; the least of them counts", async () => {
    const { bench } = await limited(
      () => 8,
      () => Promise.resolve(3.9),
      () => Infinity,
    );
    await bench.clock.advance(1_000);
    expect(asked(bench.sqs)).toMatchObject([{ max: 3, waitSeconds: 20 }]);
  });

  it("that set none leave a poll as it was", async () => {
    const { bench } = await limited(() => Infinity);
    await bench.clock.advance(1_000);
    expect(asked(bench.sqs)).toMatchObject([{ max: 10 }]);
  });

  it("that allow nothing hold polling off, calmly, until they do", async () => {
    let allowed = 0;
    let askings = 0;
    const { bench, consumer } = await limited(() => {
      askings += 1;
      return allowed;
    });
    await bench.send("waits");
    await bench.clock.advance(60_000);
    expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
    expect(askings).toBeGreaterThan(50);
    expect(askings).toBeLessThan(250);
    expect(consumer.health()).toMatchObject({ status: "healthy" });
    allowed = 5;
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 2_000);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("the limit is broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("the limit is broken"))],
    ["answers NaN", () => NaN],
    ["answers undefined", () => undefined],
    ["answers a string", () => "10"],
    ["never answers", () => never()],
    [
      "answers a thenable that throws",
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- the point of it
        then() {
          throw new Error("the limit is broken");
        },
      }),
    ],
  ])("that %s count as 0: said once, and shown in health, until they answer", async (_, broken) => {
    let limit: () => unknown = broken;
    const { bench, consumer } = await limited(() => limit());
    await bench.send("waits");
    await bench.clock.advance(30_000);
    expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
    expect(consumer.health()).toMatchObject({
      status: "degraded",
      reason: expect.stringContaining("limit"),
    });
    await bench.clock.advance(60_000);
    expect(consumer.health()).toMatchObject({
      status: "failing",
      reason: expect.stringContaining("limit"),
    });
    expect(bench.logged.filter(({ message }) => message.startsWith("a limit failed"))).toHaveLength(
      1,
    );
    limit = () => 10;
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 20_000);
    expect(consumer.health()).toMatchObject({ status: "healthy" });
  });

  it("below zero count as 0", async () => {
    const { bench } = await limited(() => -5);
    await bench.clock.advance(5_000);
    expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
  });

  it("are asked before the first poll too: with none allowed, start makes none", async () => {
    let allowed = 0;
    const bench = await Bench.open();
    await sendMany(bench, 10);
    const { consumer } = bench.consumer({ limits: [() => allowed], handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(5_000);
    expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
    expect(consumer.health()).toMatchObject({ status: "healthy" });
    allowed = 3;
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged > 0, 2_000);
    expect(bench.sqs.of("ReceiveMessage")[0]?.input.MaxNumberOfMessages).toBe(3);
  });

  it("bound the first poll as any other", async () => {
    const { bench } = await limited(() => 3);
    const [first] = bench.sqs.of("ReceiveMessage");
    expect(first?.input).toMatchObject({ MaxNumberOfMessages: 3, WaitTimeSeconds: 0 });
  });

  it("are held against what open polls ask for together", async () => {
    let askings = 0;
    const bench = await Bench.open();
    await sendMany(bench, 300);
    const limit = (): number => {
      askings += 1;
      return 25;
    };
    const { consumer } = bench.consumer({ concurrency: 100, limits: [limit], handle: () => {} });
    let asks = 0;
    let most = 0;
    bench.sqs.intercept("ReceiveMessage", async (next, { MaxNumberOfMessages = 1 }) => {
      asks += MaxNumberOfMessages;
      most = Math.max(most, asks);
      const answer = await next();
      await sleep(bench.clock, 20);
      asks -= MaxNumberOfMessages;
      return answer;
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 300, 60_000);
    expect(most).toBe(25);
    // And while they ask for all of it, nobody is asked again.
    expect(askings).toBeLessThan(bench.sqs.of("ReceiveMessage").length * 2);
  });

  it("that count what is in hand bound what is in hand", async () => {
    const bench = await Bench.open();
    await sendMany(bench, 300);
    let most = 0;
    const { consumer } = bench.consumer({
      concurrency: 100,
      limits: [(): number => 10 - consumer.stats().inHand],
      handle: (): Promise<void> => {
        most = Math.max(most, consumer.stats().inHand);
        return sleep(bench.clock, 50);
      },
    });
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const answer = await next();
      await sleep(bench.clock, 20);
      return answer;
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 300, 60_000);
    expect(most).toBe(10);
  });

  it("that answer after a poll has failed meanwhile open none before the failure's pause is over", async () => {
    const bench = await Bench.open();
    const asking = deferred<number>();
    const answers: (number | Promise<number>)[] = [10, Infinity, asking.promise];
    const { consumer, told } = bench.consumer({
      concurrency: 50,
      limits: [() => answers.shift() ?? 10],
      handle: () => {},
    });
    const failing = deferred();
    bench.sqs.intercept("ReceiveMessage", async (next, { WaitTimeSeconds }) => {
      if (WaitTimeSeconds === 0) return next();
      await failing.promise;
      throw refused();
    });
    // A full first answer, so that a second poll is to be opened beside the first.
    await sendMany(bench, 10);
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(consumer.stats().openPolls).toBe(1);
    failing.resolve();
    await bench.clock.settle();
    expect(only(told, "pollFailed")).toHaveLength(1);
    asking.resolve(10);
    await bench.clock.settle();
    expect(asked(bench.sqs)).toHaveLength(1);
    await bench.clock.advance(100);
    expect(asked(bench.sqs).length).toBeGreaterThan(1);
  });

  it("that hang do not hold up stop", async () => {
    const { bench, consumer } = await limited(() => never());
    await bench.clock.advance(1_000);
    const stoppedAtMs = bench.clock.monotonicMs();
    await bench.run(consumer.stop());
    expect(bench.clock.monotonicMs()).toBe(stoppedAtMs);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it("may stop the consumer themselves", async () => {
    let stopping: Promise<unknown> | undefined;
    const { bench, consumer } = await limited(() => {
      stopping = consumer.stop();
      return 10;
    });
    await bench.clock.advance(1_000);
    await bench.run(stopping ?? never());
    expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
  });
});

describe("pause", () => {
  it("opens no more polls; what an open one brings is handled", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    consumer.pause();
    await bench.send("one");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 1_000);
    await bench.send("two");
    await bench.clock.advance(120_000);
    expect(consumer.stats()).toMatchObject({ acknowledged: 1, openPolls: 0 });
    consumer.resume();
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2, 1_000);
  });

  it("during start counts once it has started", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    const starting = consumer.start();
    consumer.pause();
    await bench.run(starting);
    await bench.clock.advance(60_000);
    expect(asked(bench.sqs)).toEqual([]);
    consumer.resume();
    await bench.clock.advance(1);
    expect(consumer.stats().openPolls).toBe(1);
  });

  it("ends with a stop, and does nothing before a start", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    consumer.pause();
    consumer.resume();
    consumer.pause();
    await bench.start(consumer);
    await bench.clock.advance(1);
    expect(consumer.stats().openPolls).toBe(1);
    consumer.pause();
    await bench.run(consumer.stop());
    await bench.start(consumer);
    await bench.clock.advance(1);
    expect(consumer.stats().openPolls).toBe(1);
  });

  it("while the limits are asked keeps the poll from being opened", async () => {
    const bench = await Bench.open();
    const answer = deferred<number>();
    const { consumer } = bench.consumer({ limits: [() => answer.promise], handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(10);
    consumer.pause();
    answer.resolve(10);
    await bench.clock.advance(10_000);
    expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
    consumer.resume();
    await bench.clock.advance(1);
    expect(consumer.stats().openPolls).toBe(1);
  });

  it("and resume, again and again, leave one poll", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 100, handle: () => {} });
    await bench.start(consumer);
    for (let round = 0; round < 20; round += 1) {
      consumer.pause();
      await bench.clock.advance(round);
      consumer.resume();
      consumer.resume();
    }
    await bench.clock.advance(1_000);
    expect(consumer.stats().openPolls).toBe(1);
  });
});

describe("promise 6: frugal", () => {
  it("keeps one long poll open while idle: 180 requests an hour", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 50, handle: () => {} });
    await bench.start(consumer);
    bench.sqs.calls.length = 0;
    await bench.clock.advance(3_600_000);
    expect(bench.sqs.calls.length).toBeLessThanOrEqual(181);
    expect(bench.sqs.calls.length).toBeGreaterThanOrEqual(179);
  });

  it("waits no more for a message that comes to an idle consumer than SQS does", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(7_000);
    const sentAtMs = bench.clock.monotonicMs();
    await bench.send("now");
    await bench.clock.settle();
    expect(only(told, "started")).toHaveLength(1);
    expect(bench.clock.monotonicMs()).toBe(sentAtMs);
  });
});
