/**
 * Order on FIFO queues: one of a group at a time, in order, whatever fails on the way.
 */
import { deadLetter, release, retry, sleep, SqsConnectionError } from "millrace";
import type { Message, ReceivedMessage } from "millrace";
import { describe, expect, it } from "vitest";
import { markMayBeApplied } from "../../src/sqs/errors.ts";
import { Bench, bodies, only, silence } from "./bench.ts";
import { failEntries } from "./entry-faults.ts";
import { serviceError } from "./faults.ts";

const fifo = { FifoQueue: "true" };

/** Handlers as they began and ended: `+a1`, `-a1`. */
function logged(
  bench: Bench,
  handle: (message: Message, signal: AbortSignal) => unknown = () => sleep(bench.clock, 100),
): { log: string[]; handle: (message: Message, context: { signal: AbortSignal }) => unknown } {
  const log: string[] = [];
  return {
    log,
    handle: async (message, { signal }) => {
      log.push(`+${message.body}`);
      try {
        return await handle(message, signal);
      } finally {
        log.push(`-${message.body}`);
      }
    },
  };
}

const once = (body: string, then: (message: Message) => unknown) => (message: Message) =>
  message.body === body && message.receiveCount === 1 ? then(message) : undefined;

describe("fault 25: two of a group at once", () => {
  it("handles one of a group at a time, in order, and groups in parallel", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1", "a2", "a3");
    await bench.sendTo("b", "b1", "b2");
    const { log, handle } = logged(bench);
    const { consumer } = bench.consumer({ handle });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 5);
    expect(log.filter((line) => line.includes("a"))).toEqual("+a1 -a1 +a2 -a2 +a3 -a3".split(" "));
    expect(log.filter((line) => line.includes("b"))).toEqual("+b1 -b1 +b2 -b2".split(" "));
    expect(log.slice(0, 2)).toEqual(["+a1", "+b1"]);
  });

  it("starts the next of a group when the delete of the one before is confirmed, not earlier", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1", "a2");
    const steps: string[] = [];
    bench.sqs.intercept("DeleteMessageBatch", async (next) => {
      await sleep(bench.clock, 500);
      const answer = await next();
      steps.push("deleted");
      return answer;
    });
    const { consumer } = bench.consumer({ handle: ({ body }) => void steps.push(body) });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(steps).toEqual(["a1", "deleted", "a2", "deleted"]);
  });

  it("lets up to `concurrency` groups run, though polls bring ten messages of one", async () => {
    const bench = await Bench.open(fifo);
    for (const group of ["a", "b", "c", "d"]) {
      await bench.sendTo(group, ...Array.from({ length: 20 }, (_, index) => `${group}${index}`));
    }
    const { consumer } = bench.consumer({
      handle: (_, { signal }) => sleep(bench.clock, 10_000, signal),
      concurrency: 4,
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(consumer.stats()).toMatchObject({ running: 4, held: 36 });
  });

  it("does not start a message that came back while the handler that lost it still runs", async () => {
    const bench = await Bench.open({ ...fifo, VisibilityTimeout: "10" });
    await bench.sendTo("a", "a1", "a2");
    bench.sqs.intercept("ChangeMessageVisibilityBatch", (next, { Entries }) =>
      Entries.some(({ VisibilityTimeout }) => VisibilityTimeout > 0)
        ? Promise.reject(new SqsConnectionError("reset", "ChangeMessageVisibilityBatch"))
        : next(),
    );
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const answer = await next();
      await sleep(bench.clock, 500); // So that it comes after the loss is known.
      return answer;
    });
    const { log, handle } = logged(bench, async ({ receiveCount }) => {
      // Ignores its signal, and ends within the seconds that it is given.
      if (receiveCount === 1) await sleep(bench.clock, 13_000);
    });
    const { consumer, told } = bench.consumer({ handle });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => only(told, "leaseLost").length > 0);
    await bench.clock.advance(1_000);
    expect(consumer.stats()).toMatchObject({ held: 2, running: 0 });
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(log).toEqual("+a1 -a1 +a1 -a1 +a2 -a2".split(" "));
  });
});

it("lets nothing of a group overtake one that was lost before its schema had answered", async () => {
  const bench = await Bench.open({ ...fifo, VisibilityTimeout: "10" });
  await bench.sendTo("b", "1");
  await bench.sendTo("a", "2", "3");
  let refused = false;
  bench.sqs.intercept("ChangeMessageVisibilityBatch", async (next, { Entries }) => {
    const answer = await next();
    if (refused || Entries.length < 3) return answer;
    refused = true;
    return {
      Successful: [{ Id: "0" }, { Id: "2" }],
      Failed: [{ Id: "1", Code: "ReceiptHandleIsInvalid", SenderFault: true }],
    };
  });
  const started: string[] = [];
  const { consumer, told } = bench.consumer<unknown>({
    schema: {
      "~standard": {
        version: 1,
        vendor: "test",
        // 1 takes its time, and the others are behind it.
        validate: async (value) => {
          if (value === 1) await sleep(bench.clock, 8_000);
          return { value };
        },
      },
    },
    handleBatch: (messages) => void started.push(...messages.map(({ rawBody }) => rawBody)),
    batch: { maxSize: 1 },
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
  expect(only(told, "leaseLost")).toHaveLength(1);
  expect(started).toEqual(["1", "2", "3"]);
});

it("goes on with a group whose next message was lost before a worker took it", async () => {
  const bench = await Bench.open({ ...fifo, VisibilityTimeout: "10" });
  await bench.sendTo("a", "a1");
  await bench.sendTo("b", "b1", "b2");
  let refused = false;
  bench.sqs.intercept("ChangeMessageVisibilityBatch", async (next, { Entries }) => {
    const answer = await next();
    if (refused || Entries.length < 2) return answer;
    refused = true;
    return {
      Successful: [{ Id: "0" }],
      Failed: [{ Id: "1", Code: "ReceiptHandleIsInvalid", SenderFault: true }],
    };
  });
  const { log, handle } = logged(
    bench,
    once("a1", () => sleep(bench.clock, 30_000)),
  );
  const { consumer, told } = bench.consumer({ handle, concurrency: 1 });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
  expect(bodies(only(told, "leaseLost"))).toEqual(["b1"]);
  expect(log).toEqual("+a1 -a1 +b1 -b1 +b2 -b2".split(" "));
});

describe("fault 26: the rest of a group is processed after a failure", () => {
  it.each([
    ["throws", () => Promise.reject(new Error("on purpose"))],
    ["asks for a retry", () => retry({ afterSeconds: 5 })],
    ["gives it back", () => release()],
  ] as const)(
    "takes the rest in hand back to the queue when a handler %s, and has them again in order",
    async (_, fail) => {
      const bench = await Bench.open(fifo);
      await bench.sendTo("a", "a1", "a2", "a3", "a4");
      await bench.sendTo("b", "b1", "b2");
      const { log, handle } = logged(bench, once("a2", fail));
      const { consumer, told } = bench.consumer({ handle, retry: () => 5 });
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 6);
      expect(log.filter((line) => line.startsWith("+a"))).toEqual("+a1 +a2 +a2 +a3 +a4".split(" "));
      const released = only(told, "released").filter(({ reason }) => reason !== undefined);
      expect(bodies(released)).toEqual(["a3", "a4"]);
      expect(released).toMatchObject([{ afterSeconds: 0 }, { afterSeconds: 0 }]);
      // Promptly: not when their visibility timeouts run out.
      expect(bench.clock.monotonicMs()).toBeLessThan(10_000);
    },
  );

  it("gives back the failed one and the rest in one request", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", ...Array.from({ length: 10 }, (_, index) => `a${index}`));
    const { consumer } = bench.consumer({
      handle: once("a0", () => retry({ afterSeconds: 3 })),
    });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    const [change, ...more] = bench.sqs.of("ChangeMessageVisibilityBatch");
    expect(more).toEqual([]);
    expect(change?.input.Entries.map(({ VisibilityTimeout }) => VisibilityTimeout)).toEqual([
      3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
  });

  it("takes the rest back when a delete is given up: what it was to delete comes again", async () => {
    const bench = await Bench.open({ ...fifo, VisibilityTimeout: "10" });
    await bench.sendTo("a", "a1", "a2");
    let refusals = 1;
    failEntries(bench, "DeleteMessageBatch", () =>
      refusals-- > 0 ? { Code: "InvalidParameterValue", SenderFault: true } : undefined,
    );
    const { log, handle } = logged(bench);
    const { consumer, told } = bench.consumer({ handle });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(only(told, "settleFailed")).toHaveLength(1);
    expect(log).toEqual("+a1 -a1 +a1 -a1 +a2 -a2".split(" "));
  });

  it("goes on with the rest when one is dead-lettered", async () => {
    const bench = await Bench.open(fifo);
    const dead = await bench.deadLetterQueue();
    await bench.sendTo("a", "a1", "a2", "a3");
    const { log, handle } = logged(bench, ({ body }) =>
      body === "a2" ? deadLetter({ reason: "bad" }) : undefined,
    );
    const { consumer } = bench.consumer({ handle });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(log.filter((line) => line.startsWith("+"))).toEqual(["+a1", "+a2", "+a3"]);
    expect(await bench.drain(dead)).toEqual(["a2"]);
  });
});

describe("fault 27: a failed group is blocked for good", () => {
  it("forgets a failure with the receive that it came in, however often it happens", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1", "a2", "a3");
    const { log, handle } = logged(bench, ({ receiveCount }) => {
      if (receiveCount < 4) throw new Error("on purpose");
    });
    const { consumer } = bench.consumer({ handle, retry: () => 1 });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3);
    expect(log.filter((line) => line.startsWith("+"))).toEqual(
      "+a1 +a1 +a1 +a1 +a2 +a3".split(" "),
    );
    expect(consumer.stats()).toMatchObject({ inHand: 0, held: 0 });
  });
});

describe("settling without lingering", () => {
  it("sends a delete in the turn in which the handler ended: its group is blocked until it arrives", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1");
    await bench.sendTo("b", "b1");
    let endedAtMs = 0;
    const { consumer } = bench.consumer({
      handle: async ({ body }, { signal }) => {
        await sleep(bench.clock, body === "a1" ? 50 : 60_000, signal);
        if (body === "a1") endedAtMs = bench.clock.monotonicMs();
      },
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
    expect(bench.sqs.of("DeleteMessageBatch").map(({ atMs }) => atMs)).toEqual([endedAtMs]);
  });
});

describe("attempt ids", () => {
  const attempts = (bench: Bench): (string | undefined)[] =>
    bench.sqs.of("ReceiveMessage").map(({ input }) => input.ReceiveRequestAttemptId);

  it("gives each new poll an id of its own, on FIFO queues alone", async () => {
    const bench = await Bench.open(fifo);
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(60_000);
    expect(new Set(attempts(bench)).size).toBe(attempts(bench).length);
    for (const id of attempts(bench)) expect(id).toMatch(/^[\da-f]{32}$/);
    const standard = await Bench.open();
    const { consumer: other } = standard.consumer({ handle: () => {} });
    await standard.start(other);
    expect(attempts(standard)).toEqual([undefined, undefined]);
  });

  it("has at once what a lost answer had brought", async () => {
    const bench = await Bench.open({ ...fifo, VisibilityTimeout: "600" });
    let lost = 0;
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const answer = await next();
      if ((answer.Messages ?? []).length === 0 || lost++ > 1) return answer;
      throw new SqsConnectionError("reset after it was applied", "ReceiveMessage");
    });
    const { log, handle } = logged(bench);
    const { consumer } = bench.consumer({ handle });
    await bench.start(consumer);
    await bench.sendTo("a", "a1", "a2");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
    expect(log).toEqual("+a1 -a1 +a2 -a2".split(" "));
    expect(bench.clock.monotonicMs()).toBeLessThan(5_000);
  });

  it("keeps the permits of lost polls, and opens each again", async () => {
    const bench = await Bench.open({ ...fifo, VisibilityTimeout: "600" });
    const groups = Array.from({ length: 40 }, (_, index) => `g${index}`);
    for (const group of groups) await bench.sendTo(group, `${group}-1`);
    let broken = false;
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const answer = await next();
      await sleep(bench.clock, 50);
      if (broken) throw serviceError("ReceiveMessage", "InternalError", 500);
      return answer;
    });
    const { consumer } = bench.consumer({
      handle: () => sleep(bench.clock, 1_000),
      concurrency: 20,
      prefetch: 20,
    });
    await bench.start(consumer);
    broken = true;
    await bench.clock.advance(10_000);
    expect(consumer.stats().inHand).toBeLessThanOrEqual(40);
    broken = false;
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 40);
    expect(bench.clock.monotonicMs()).toBeLessThan(60_000);
  });

  it("takes a new id after a throttle, which has ended the attempt", async () => {
    const bench = await Bench.open(fifo);
    let throttles = 1;
    bench.sqs.intercept("ReceiveMessage", (next) =>
      throttles-- > 0 ? Promise.reject(serviceError("ReceiveMessage", "RequestThrottled")) : next(),
    );
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    const [first, second] = attempts(bench);
    expect(first).not.toBe(second);
  });

  it("takes a new id when SQS has forgotten the old one", async () => {
    const bench = await Bench.open(fifo);
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    bench.sqs.intercept("ReceiveMessage", (_, __, options) => silence(options));
    await bench.clock.advance(900_000);
    const ids = attempts(bench).slice(1);
    const times = bench.sqs.of("ReceiveMessage").slice(1);
    for (const id of new Set(ids)) {
      const first = ids.indexOf(id);
      const last = ids.lastIndexOf(id);
      expect((times[last]?.atMs ?? 0) - (times[first]?.atMs ?? 0)).toBeLessThan(300_000);
    }
    expect(new Set(ids).size).toBeGreaterThan(1);
    expect(new Set(ids).size).toBeLessThan(ids.length / 2);
  });
});

describe("fault 5: what a poll has brought when the consumer stops", () => {
  it("takes back what an aborted poll has stranded, and releases it", async () => {
    const bench = await Bench.open({ ...fifo, VisibilityTimeout: "600" });
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    // The answer is on its way, and never comes.
    bench.sqs.intercept("ReceiveMessage", async (next, { WaitTimeSeconds }, options) => {
      const answer = await next();
      return WaitTimeSeconds === 0 ? answer : silence(options);
    });
    await bench.clock.advance(20_000);
    await bench.sendTo("a", "a1");
    await bench.clock.advance(1_000);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 1 });
    await bench.run(consumer.stop());
    expect(await bench.depth()).toEqual({ visible: 1, inFlight: 0 });
    expect(bodies(only(told, "released"))).toEqual(["a1"]);
  });

  it("releases all of a lane that an answer brings during the stop, not its first one alone", async () => {
    const bench = await Bench.open({ ...fifo, VisibilityTimeout: "600" });
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(20_000);
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const answer = await next();
      await sleep(bench.clock, 100); // On its way, it arrives whatever the signal says.
      return answer;
    });
    await bench.clock.advance(20_000);
    // In one call, so that the open poll brings all three.
    await bench.service.call("SendMessageBatch", {
      QueueUrl: bench.queueUrl,
      Entries: ["a1", "a2", "a3"].map((MessageBody) => ({
        Id: MessageBody,
        MessageBody,
        MessageGroupId: "a",
        MessageDeduplicationId: MessageBody,
      })),
    });
    await bench.clock.settle();
    expect(await bench.run(consumer.stop())).toMatchObject({ released: 3, abandoned: 0 });
    expect(await bench.depth()).toEqual({ visible: 3, inFlight: 0 });
    expect(await bench.drain(bench.queueUrl)).toEqual(["a1", "a2", "a3"]);
  });

  it("releases the rest of a lane in hand, while its first one ends", async () => {
    const bench = await Bench.open(fifo);
    await bench.sendTo("a", "a1", "a2", "a3");
    const { consumer } = bench.consumer({ handle: () => sleep(bench.clock, 5_000) });
    await bench.start(consumer);
    const stopped = consumer.stop();
    await bench.clock.advance(1_000);
    expect(await bench.depth()).toEqual({ visible: 2, inFlight: 1 });
    expect(await bench.run(stopped)).toMatchObject({ finished: 1, released: 2, abandoned: 0 });
    expect(await bench.drain(bench.queueUrl)).toEqual(["a2", "a3"]);
  });
});

it("takes the message group of a standard queue for no order", async () => {
  const bench = await Bench.open();
  await bench.sendTo("tenant", "1", "2", "3");
  const { consumer } = bench.consumer({ handle: () => sleep(bench.clock, 1_000) });
  await bench.start(consumer);
  await bench.clock.advance(500);
  expect(consumer.stats()).toMatchObject({ running: 3, held: 0 });
});

it("opens a poll again under its id that was lost and then throttled in one call", async () => {
  const bench = await Bench.open({ ...fifo, VisibilityTimeout: "60" });
  const { consumer } = bench.consumer({ handle: () => {} });
  await bench.start(consumer);
  await bench.sendTo("a", "a1", "a2");
  let lost = false;
  bench.sqs.intercept("ReceiveMessage", async (next) => {
    if (lost) return next();
    lost = true;
    await next();
    // What HttpSqs says when one attempt was reset after SQS had applied it, and the next was throttled.
    throw markMayBeApplied(serviceError("ReceiveMessage", "RequestThrottled"));
  });
  const beforeMs = bench.clock.monotonicMs();
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2);
  expect(bench.clock.monotonicMs() - beforeMs).toBeLessThan(30_000);
});

/** Has the first answer that holds `body` come with that message as `spoil` makes it. */
function spoilOnce(
  bench: Bench,
  body: string,
  spoil: (message: ReceivedMessage) => ReceivedMessage,
): void {
  let spoilt = false;
  bench.sqs.intercept("ReceiveMessage", async (next) => {
    const { Messages = [] } = await next();
    if (spoilt || !Messages.some(({ Body }) => Body === body)) return { Messages };
    spoilt = true;
    return { Messages: Messages.map((each) => (each.Body === body ? spoil(each) : each)) };
  });
}

describe("one that cannot be taken", () => {
  const spoilings: Record<string, (message: ReceivedMessage) => ReceivedMessage> = {
    "has no receipt handle": (message) => ({ ...message, ReceiptHandle: undefined }),
    "has an empty receipt handle": (message) => ({ ...message, ReceiptHandle: "" }),
    "throws when it is read": (message) => ({
      ...message,
      get Body(): string {
        throw new Error("on purpose");
      },
    }),
  };

  it.each(Object.keys(spoilings))(
    "and %s has those behind it in its group wait, and no others",
    async (how) => {
      const bench = await Bench.open({ ...fifo, VisibilityTimeout: "10" });
      await bench.sendTo("a", "a1", "a2", "a3");
      await bench.sendTo("b", "b1");
      spoilOnce(bench, "a2", spoilings[how] ?? ((message) => message));
      const { log, handle } = logged(bench, () => undefined);
      const { consumer } = bench.consumer({ handle });
      await bench.start(consumer);
      await bench.clock.advance(5_000);
      expect(log).toEqual("+a1 +b1 -a1 -b1".split(" "));
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4);
      expect(log.slice(4)).toEqual("+a2 -a2 +a3 -a3".split(" "));
    },
  );

  it("holds up none of a group of a standard queue", async () => {
    const bench = await Bench.open();
    await bench.sendTo("tenant", "1", "2", "3");
    spoilOnce(bench, "2", (message) => ({ ...message, ReceiptHandle: "" }));
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(1_000);
    expect(bodies(only(told, "acknowledged"))).toEqual(["1", "3"]);
  });
});
