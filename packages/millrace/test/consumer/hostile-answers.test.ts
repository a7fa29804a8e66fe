/**
 * SQS answers nonsense, or an SqsApi of the user's own does: nothing is lost, nothing is believed that was not
 * said, nothing crashes, and once the answers are sound again all is done.
 */
import type { Message, ReceivedMessage, ReceiveMessageOutput, SqsOperation } from "millrace";
import { describe, expect, it } from "vitest";
import { Bench, only } from "./bench.ts";
import { deferred } from "./faults.ts";

/** Has the first calls of `operation` answered with these, without being carried out. */
function answerFirst(bench: Bench, operation: SqsOperation, answers: readonly unknown[]): void {
  const left = [...answers];
  bench.sqs.intercept(operation, (next) =>
    left.length === 0 ? next() : Promise.resolve(left.shift() as never),
  );
}

/** More than fit on the stack as the arguments of one call. */
const million = 1_000_000;

/** These, and a million that nobody asked for. */
function tooMany(messages: readonly ReceivedMessage[] = []): ReceiveMessageOutput {
  const last = messages.at(-1) ?? { Body: "never sent", ReceiptHandle: "none" };
  return { Messages: [...messages, ...Array.from({ length: million }, () => last)] };
}

describe("a receive that is answered with", () => {
  const answers: Record<string, unknown> = {
    nothing: undefined,
    null: null,
    "a number": 7,
    "a list": [],
    "a text": "messages",
    "messages that are none": { Messages: "none" },
    "things that are no messages": { Messages: [null, undefined, 5, "x", [], {}, () => {}] },
    "messages without a receipt handle": { Messages: [{ MessageId: "m", Body: "x" }] },
    "a message that throws when it is read": {
      Messages: [
        {
          ReceiptHandle: "r",
          get Body(): string {
            throw new Error("on purpose");
          },
        },
      ],
    },
    "a receipt handle that is empty": { Messages: [{ ReceiptHandle: "", Body: "x" }] },
    "receipt handles of other types": {
      Messages: [{ ReceiptHandle: null }, { ReceiptHandle: 7 }, { ReceiptHandle: ["r"] }],
    },
  };

  it.each(Object.keys(answers))("%s", async (what) => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.send("sound");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    answerFirst(bench, "ReceiveMessage", [answers[what], answers[what], answers[what]]);
    const before = bench.sqs.of("ReceiveMessage").length;
    await bench.clock.advance(60_000);
    expect(bench.sqs.of("ReceiveMessage").length - before).toBeLessThan(12);
    await bench.send("after");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2, 60_000);
    expect(consumer.stats()).toMatchObject({ started: 2, inHand: 0 });
  });
});

describe("a million messages that nobody asked for", () => {
  it("cost a line in the log, and nothing else", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ concurrency: 2, prefetch: 0, handle: () => {} });
    await bench.send("1", "2", "3");
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      bench.sqs.intercept("ReceiveMessage", undefined);
      return tooMany((await next()).Messages);
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3, 10_000);
    expect(consumer.stats()).toMatchObject({ received: 3, started: 3, inHand: 0 });
    expect(bench.logged).toMatchObject([
      {
        level: "error",
        message: "SQS answered more messages than were asked",
        data: { error: { message: "it answered 1000002, and 2 were asked" } },
      },
    ]);
  });

  it("cost no more where they come after their poll was given up", async () => {
    const bench = await Bench.open();
    const late = deferred();
    const { consumer } = bench.consumer({ handle: () => {} });
    bench.sqs.intercept("ReceiveMessage", async (next, input) => {
      if (input.WaitTimeSeconds === 0) return next();
      bench.sqs.intercept("ReceiveMessage", undefined);
      // Deaf to the abort: SQS hands the message out, and the answer is stuck on its way.
      const { Messages } = await bench.service.call("ReceiveMessage", input);
      await late.promise;
      return tooMany(Messages);
    });
    await bench.start(consumer);
    await bench.send("stuck");
    await bench.clock.advance(28_000);
    bench.logged.length = 0;
    late.resolve();
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    expect(consumer.stats()).toMatchObject({ started: 1, inHand: 0 });
    expect(bench.logged).toMatchObject([
      { message: "messages came too late and found no room: they come again by themselves" },
    ]);
  });
});

describe("a message of which SQS says nonsense", () => {
  const oddities: Record<string, { readonly said: object; readonly seen: Partial<Message> }> = {
    "no id": { said: { MessageId: undefined }, seen: { id: "" } },
    "an id that is a number": { said: { MessageId: 7 }, seen: { id: "" } },
    "no body": { said: { Body: undefined }, seen: { body: "", rawBody: "" } },
    "a body that is an object": { said: { Body: { a: 1 } }, seen: { body: "", rawBody: "" } },
    "attributes that are a list": { said: { Attributes: ["1"] }, seen: { receiveCount: 1 } },
    "attributes that are null": { said: { Attributes: null }, seen: { receiveCount: 1 } },
    "counts that are numbers": {
      said: { Attributes: { ApproximateReceiveCount: 3, SentTimestamp: 5 } },
      seen: { receiveCount: 3, sentAt: new Date(5) },
    },
    "a count beyond counting": {
      said: { Attributes: { ApproximateReceiveCount: "1e300" } },
      seen: { receiveCount: 1 },
    },
    "a count that is a half": {
      said: { Attributes: { ApproximateReceiveCount: "1.5" } },
      seen: { receiveCount: 1 },
    },
    "a date that no Date can be": {
      said: { Attributes: { SentTimestamp: "8640000000000001" } },
      seen: { sentAt: new Date(0) },
    },
    "a group id that is an object": {
      said: { Attributes: { MessageGroupId: {}, MessageDeduplicationId: 5, SequenceNumber: [] } },
      seen: {},
    },
    "message attributes that are a list": { said: { MessageAttributes: ["a"] }, seen: {} },
    "message attributes that are null": { said: { MessageAttributes: null }, seen: {} },
    "message attributes of odd types": {
      said: {
        MessageAttributes: {
          number: { DataType: "Number", StringValue: 5 },
          list: { DataType: "String.list", StringListValues: ["a"] },
          base64: { DataType: "Binary", BinaryValue: "AQID" },
          nothing: null,
          text: "text",
          none: {},
          made: { DataType: "Whatever.it/is", StringValue: "kept" },
          bytes: { DataType: "Number", BinaryValue: Uint8Array.of(1) },
        },
      },
      seen: {
        attributes: Object.assign(Object.create(null), {
          made: "kept",
          bytes: Uint8Array.of(1),
        }),
      },
    },
  };

  it.each(Object.keys(oddities))("%s: it is handled, and so are those beside it", async (what) => {
    const { said = {}, seen = {} } = oddities[what] ?? {};
    const bench = await Bench.open();
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const output = await next();
      return {
        Messages: output.Messages?.map((one, nth) => (nth === 0 ? { ...one, ...said } : one)),
      };
    });
    const messages: Message[] = [];
    const { consumer } = bench.consumer({
      handle: (message) => {
        messages.push(message);
        // What a handler does with it must not throw: an Invalid Date would.
        message.sentAt.toISOString();
      },
    });
    await bench.send("odd", "even", "even");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3, 10_000);
    expect(messages[0]).toMatchObject(seen);
    for (const name of ["groupId", "deduplicationId", "sequenceNumber"] as const) {
      expect(messages[0]).not.toHaveProperty(name);
    }
    expect(consumer.stats()).toMatchObject({ failed: 0, started: 3 });
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });
});

/** Answers to a batch that say nothing about its one entry. */
const saysNothing: readonly unknown[] = [
  undefined,
  null,
  7,
  "done",
  [],
  {},
  { Successful: "all" },
  { Successful: { 0: {} } },
  { Successful: [null, 5, {}] },
  { Successful: [{ Id: 0 }] },
  { Successful: [{ Id: "1" }, { Id: "00" }, { Id: " 0" }, { Id: "__proto__" }] },
  { Failed: [{ Id: "7", Code: "InternalError", SenderFault: true }] },
  { Successful: Array.from({ length: million }, () => ({ Id: "7" })) },
];

/** Answers that fail the one entry, and may be wrong. */
const saysFailed: readonly unknown[] = [
  { Failed: [{ Id: "0" }] },
  { Failed: [{ Id: "0", Code: 5, Message: { a: 1 }, SenderFault: "true" }] },
  { Failed: [{ Id: "0", Code: null, Message: "x".repeat(1e6) }] },
  { Successful: [{ Id: "0" }], Failed: [{ Id: "0", Code: "InternalError" }] },
  { Successful: [{ Id: "0" }, { Id: "0" }], Failed: [{ Id: "0" }, { Id: "0" }] },
];

describe("a delete that is answered with nonsense", () => {
  it.each([...saysNothing, ...saysFailed].map((answer, nth) => ({ nth, answer })))(
    "is repeated until it is confirmed ($nth), and its message is handled once",
    async ({ answer }) => {
      const bench = await Bench.open();
      answerFirst(bench, "DeleteMessageBatch", [answer, answer]);
      const { consumer, told } = bench.consumer({ handle: () => {} });
      await bench.send("once");
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
      expect(consumer.stats()).toMatchObject({ started: 1, acknowledged: 1, inHand: 0 });
      expect(bench.sqs.of("DeleteMessageBatch")).toHaveLength(3);
      expect(only(told, "settleFailed")).toEqual([]);
      expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
      // Each failure is told in a line, as an error of ours.
      const warnings = bench.logged.filter(({ message }) => message.includes("repeated"));
      expect(warnings).toHaveLength(2);
      for (const { data } of warnings) {
        const { error } = data as { error: Error & { code: string } };
        expect(error.code).toMatch(/^SQS_(?:BAD_RESPONSE|SERVICE_ERROR)$/);
        expect(error.message).toMatch(/^DeleteMessageBatch: .{10,1100}$/);
      }
    },
  );

  it("confirms only the entries that it names, once each", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    const Successful = [{ Id: "1" }, { Id: "1" }, { Id: "9" }, { Id: "2" }];
    bench.sqs.intercept("DeleteMessageBatch", async (next) => {
      bench.sqs.intercept("DeleteMessageBatch", undefined);
      await next();
      return { Successful };
    });
    await bench.send("a", "b", "c", "d");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 4, 10_000);
    const [first, second] = bench.sqs.of("DeleteMessageBatch");
    const handles = first?.input.Entries.map((entry) => entry.ReceiptHandle) ?? [];
    expect(second?.input.Entries.map((entry) => entry.ReceiptHandle)).toEqual([
      handles[0],
      handles[3],
    ]);
  });
});

describe("an extension that is answered with nonsense", () => {
  it.each([...saysNothing, ...saysFailed].map((answer, nth) => ({ nth, answer })))(
    "is tried again before the lease is over ($nth)",
    async ({ answer }) => {
      const bench = await Bench.open({ VisibilityTimeout: "30" });
      answerFirst(bench, "ChangeMessageVisibilityBatch", [answer, answer]);
      const { consumer } = bench.consumer({ handle: () => new Promise(() => {}) });
      await bench.send("long");
      await bench.start(consumer);
      await bench.clock.advance(120_000);
      expect(consumer.stats()).toMatchObject({ leasesLost: 0, received: 1, running: 1 });
    },
  );
});

describe("a copy for the dead-letter queue that is answered with nonsense", () => {
  const answers = [
    undefined,
    null,
    {},
    [],
    "sent",
    { MessageId: 5 },
    { MessageId: "" },
    { Id: "0" },
  ];

  it.each(answers.map((answer, nth) => ({ nth, answer })))(
    "costs no message: the original stays until the copy has a name ($nth)",
    async ({ answer }) => {
      const bench = await Bench.open();
      const dead = await bench.deadLetterQueue();
      const deletes: number[] = [];
      answerFirst(bench, "SendMessage", [answer, answer]);
      bench.sqs.intercept("DeleteMessageBatch", (next) => {
        deletes.push(bench.sqs.of("SendMessage").length);
        return next();
      });
      const { consumer } = bench.consumer({
        schema: {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: () => ({ issues: [{ message: "never" }] }),
          },
        },
        handle: () => {},
      });
      await bench.send("{}");
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 1, 20_000);
      // Not deleted before the third send, the one that was carried out.
      expect(deletes).toEqual([3]);
      expect(await bench.drain(dead)).toEqual(["{}"]);
      expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
    },
  );
});

describe("a start whose questions are answered with nonsense", () => {
  const settings = [
    undefined,
    null,
    {},
    { Attributes: null },
    ...["soon", "", "Infinity", "-1", "1.5", "43201"].map((VisibilityTimeout) => ({
      Attributes: { VisibilityTimeout },
    })),
  ];

  it.each(settings.map((answer) => ({ answer })))(
    "rejects when nobody knows how long messages are held: $answer",
    async ({ answer }) => {
      const bench = await Bench.open();
      bench.sqs.intercept("GetQueueAttributes", () => Promise.resolve(answer as never));
      const { consumer } = bench.consumer({ handle: () => {} });
      await expect(bench.start(consumer)).rejects.toMatchObject({
        code: "QUEUE_SETUP",
        message: expect.stringContaining("set visibilityTimeoutSeconds"),
      });
      expect(bench.clock.pendingTimers).toBe(0);
    },
  );

  it.each(settings.map((answer) => ({ answer })))(
    "starts when the option says so: $answer",
    async ({ answer }) => {
      const bench = await Bench.open();
      bench.sqs.intercept("GetQueueAttributes", () => Promise.resolve(answer as never));
      const { consumer } = bench.consumer({ handle: () => {}, visibilityTimeoutSeconds: 30 });
      await bench.send("a");
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    },
  );

  it.each([
    undefined,
    null,
    {},
    { QueueUrl: 7 },
    { QueueUrl: "" },
    { QueueUrl: "jobs" },
    { QueueUrl: "ftp://127.0.0.1/000000000000/jobs" },
    { QueueUrl: "javascript:jobs" },
    { QueueUrl: "http://127.0.0.1/000000000000/others" },
  ])("rejects when what should be the queue's URL is none of it: %j", async (answer) => {
    const bench = await Bench.open();
    bench.sqs.intercept("GetQueueUrl", () => Promise.resolve(answer as never));
    const { consumer } = bench.consumer({ queue: "jobs", handle: () => {} });
    await expect(bench.start(consumer)).rejects.toMatchObject({
      code: "SQS_BAD_RESPONSE",
      message: "GetQueueUrl: no URL of jobs came back",
    });
    expect(bench.sqs.of("ReceiveMessage")).toEqual([]);
  });
});
