/**
 * How messages that can never succeed end: copied to the dead-letter queue, then deleted.
 */
import {
  deadLetter,
  LeaseLostError,
  NoDeadLetterQueueError,
  sleep,
  SqsConnectionError,
} from "millrace";
import type { MessageAttributes, ReceivedMessage } from "millrace";
import { expect, it } from "vitest";
import { DeadLetterQueue, reasonAttribute } from "../../src/consumer/dead-letter-queue.ts";
import { Delivery } from "../../src/consumer/delivery.ts";
import { maxPayloadBytes } from "../../src/sqs/limits.ts";
import { messageBytes } from "../../src/sqs/message-size.ts";
import { Bench, only, silence } from "./bench.ts";
import { failEntries } from "./entry-faults.ts";
import { never, serviceError } from "./faults.ts";

const refusedConnection = new SqsConnectionError("connection refused", "SendMessage");

/** A schema that takes what is a number. */
const numbers = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value: unknown) =>
      typeof value === "number" ? { value } : { issues: [{ message: "not a number" }] },
  },
} as const;

/** What is in the dead-letter queue. */
async function dead(bench: Bench, QueueUrl: string): Promise<readonly ReceivedMessage[]> {
  const { Messages = [] } = await bench.service.call("ReceiveMessage", {
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ["All"],
    MessageSystemAttributeNames: ["All"],
  });
  return Messages;
}

function order(bench: Bench): string[] {
  return bench.sqs.calls
    .map(({ operation }) => operation)
    .filter((operation) => operation === "SendMessage" || operation === "DeleteMessageBatch");
}

it("copies the message with its attributes and the reason, and then deletes it", async () => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  const MessageAttributes: MessageAttributes = {
    tenant: { DataType: "String", StringValue: "blue" },
    size: { DataType: "Number.int", StringValue: "12" },
    photo: { DataType: "Binary", BinaryValue: Uint8Array.of(1, 2, 3) },
  };
  await bench.service.call("SendMessage", {
    QueueUrl: bench.queueUrl,
    MessageBody: "never",
    MessageAttributes,
    MessageGroupId: "blue",
  });
  const { consumer, told } = bench.consumer({
    handle: () => deadLetter({ reason: "no such\u0000 seat \uD83D" }),
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 1);
  expect(order(bench)).toEqual(["SendMessage", "DeleteMessageBatch"]);
  expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  expect(await dead(bench, url)).toMatchObject([
    {
      Body: "never",
      Attributes: { MessageGroupId: "blue" },
      MessageAttributes: {
        ...MessageAttributes,
        [reasonAttribute]: { DataType: "String", StringValue: "no such  seat  " },
      },
    },
  ]);
  expect(only(told, "deadLettered")).toMatchObject([
    { message: { body: "never" }, reason: "no such\u0000 seat \uD83D" },
  ]);
  // The handler has decided so: that is no failure.
  expect(only(told, "failed")).toEqual([]);
});

it("dead-letters a body that the schema refuses, which is a failure", async () => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  await bench.send("twelve", "12", '"12"');
  const handled: number[] = [];
  const { consumer, told } = bench.consumer<number>({
    handle: ({ body }) => void handled.push(body),
    schema: numbers,
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 2);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1);
  expect(handled).toEqual([12]);
  expect(only(told, "failed")).toMatchObject([
    { error: { code: "INVALID_BODY" }, outcome: { type: "deadLetter" } },
    { error: { code: "INVALID_BODY" }, outcome: { type: "deadLetter" } },
  ]);
  const reasons = (await dead(bench, url)).map(
    ({ MessageAttributes }) => MessageAttributes?.[reasonAttribute]?.StringValue,
  );
  expect(reasons).toEqual([
    "the body is not JSON",
    "the body does not fit the schema: not a number",
  ]);
  expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
});

it("fails and retries where there is no dead-letter queue", async () => {
  const bench = await Bench.open();
  await bench.send("never");
  const { consumer, told } = bench.consumer({ handle: () => deadLetter(), retry: () => 60 });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().retried === 1);
  expect(only(told, "failed")[0]?.error).toBeInstanceOf(NoDeadLetterQueueError);
  expect(order(bench)).toEqual([]);
  expect(await bench.depth()).toEqual({ visible: 0, inFlight: 1 });
});

it("retries a body that the schema refuses where there is no dead-letter queue", async () => {
  const bench = await Bench.open();
  await bench.send("twelve");
  const { consumer, told } = bench.consumer<number>({
    handle: () => {},
    schema: numbers,
    retry: () => 60,
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().retried === 1);
  expect(only(told, "failed")).toMatchObject([
    { error: { code: "INVALID_BODY" }, outcome: { type: "retry", afterSeconds: 60 } },
  ]);
  expect(await bench.depth()).toEqual({ visible: 0, inFlight: 1 });
});

it.each([
  ["SendMessage", "fails", () => Promise.reject(refusedConnection)],
  ["GetQueueUrl", "fails", () => Promise.reject(refusedConnection)],
  ["SendMessage", "is never answered", never],
  ["GetQueueUrl", "is never answered", never],
] as const)("deletes nothing while %s %s, and copies when it can", async (operation, _, fault) => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  await bench.send("never");
  bench.sqs.intercept(operation, (next) => (bench.clock.monotonicMs() < 8_000 ? fault() : next()));
  const { consumer, told } = bench.consumer({ handle: () => deadLetter({ reason: "broken" }) });
  await bench.start(consumer);
  await bench.clock.advance(8_000);
  expect(bench.sqs.of("DeleteMessageBatch")).toEqual([]);
  await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 1);
  expect(bench.clock.monotonicMs()).toBeLessThan(30_000);
  expect(await dead(bench, url)).toHaveLength(1);
  expect(only(told, "settleFailed")).toEqual([]);
});

it("gives up a copy that it may not make, and frees the permit at once", async () => {
  const bench = await Bench.open();
  await bench.deadLetterQueue();
  await bench.send("never");
  bench.sqs.intercept("SendMessage", () =>
    Promise.reject(serviceError("SendMessage", "AccessDenied", 403)),
  );
  const { consumer, told } = bench.consumer({
    handle: () => deadLetter(),
    visibilityTimeoutSeconds: 43_200,
  });
  await bench.start(consumer);
  await bench.clock.advance(1_000);
  expect(only(told, "settleFailed")).toMatchObject([
    { outcome: { type: "deadLetter" }, error: { cause: { errorName: "AccessDenied" } } },
  ]);
  expect(bench.sqs.of("SendMessage")).toHaveLength(1);
  expect(bench.sqs.of("DeleteMessageBatch")).toEqual([]);
  expect(consumer.stats()).toMatchObject({ inHand: 0, deadLettered: 0 });
  expect(await bench.depth()).toEqual({ visible: 0, inFlight: 1 });
});

it("copies once, though the delete has to be repeated", async () => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  await bench.send("never");
  let failures = 0;
  failEntries(bench, "DeleteMessageBatch", () => (failures++ < 4 ? {} : undefined));
  const { consumer } = bench.consumer({ handle: () => deadLetter() });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 1);
  expect(bench.sqs.of("SendMessage")).toHaveLength(1);
  expect(bench.sqs.of("DeleteMessageBatch")).toHaveLength(5);
  expect(await dead(bench, url)).toHaveLength(1);
});

it("gives up a copy under way when a stop has no more time for it", async () => {
  const bench = await Bench.open();
  await bench.deadLetterQueue();
  await bench.send("never");
  bench.sqs.intercept("GetQueueUrl", (_next, _input, options) => silence(options));
  const { consumer, told } = bench.consumer({ handle: () => deadLetter() });
  await bench.start(consumer);
  const report = await bench.run(consumer.stop());
  expect(report).toMatchObject({ finished: 0, abandoned: 1 });
  expect(report.durationMs).toBeLessThanOrEqual(11_000);
  expect(only(told, "settleFailed")).toMatchObject([
    { error: { cause: { code: "CONSUMER_STOPPED" } } },
  ]);
});

it("dead-letters nothing whose lease was lost meanwhile", async () => {
  const bench = await Bench.open();
  await bench.deadLetterQueue();
  await bench.send("late");
  bench.sqs.intercept("ChangeMessageVisibilityBatch", () => Promise.reject(refusedConnection));
  const { consumer, told } = bench.consumer({
    handle: (_, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(deadLetter()));
      }),
    concurrency: 1,
    prefetch: 0,
  });
  await bench.start(consumer);
  bench.sqs.intercept("ReceiveMessage", (_next, _input, options) => silence(options));
  await bench.clock.advance(40_000);
  expect(only(told, "leaseLost")[0]?.error).toBeInstanceOf(LeaseLostError);
  expect(order(bench)).toEqual([]);
});

/** A delivery as it would be in hand, and a queue to copy it to. */
function fixture(
  bench: Bench,
  received: ReceivedMessage,
  arn: string,
): { send: (reason?: string, timeoutMs?: number) => Promise<void> } {
  const delivery = new Delivery(
    { MessageId: "m-1", ...received, ReceiptHandle: "handle" },
    bench.queueUrl,
    0,
    30,
    { moved: () => {} },
  );
  const queue = new DeadLetterQueue(arn, bench.sqs);
  return {
    send: (reason, timeoutMs = 10_000) =>
      queue.send(delivery, reason, { clock: bench.clock, timeoutMs }),
  };
}

it("sends to a FIFO queue with the message's group, and no copy twice", async () => {
  const bench = await Bench.open();
  const { QueueUrl = "" } = await bench.service.call("CreateQueue", {
    QueueName: "dead.fifo",
    Attributes: { FifoQueue: "true" },
  });
  const { send } = fixture(
    bench,
    { Body: "never", Attributes: { MessageGroupId: "seat-1" } },
    "arn:aws:sqs:us-east-1:000000000000:dead.fifo",
  );
  await send("broken");
  await send("broken");
  expect(await dead(bench, QueueUrl)).toMatchObject([
    { Body: "never", Attributes: { MessageGroupId: "seat-1", MessageDeduplicationId: "m-1" } },
  ]);
});

const deadArn = "arn:aws:sqs:us-east-1:000000000000:dead";

it("looks the queue up once for all that need it at once", async () => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  await bench.send("1", "2", "3", "4", "5");
  bench.sqs.intercept("GetQueueUrl", async (next) => {
    await sleep(bench.clock, 20);
    return next();
  });
  const { consumer } = bench.consumer({ handle: () => deadLetter() });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 5);
  expect(bench.sqs.of("GetQueueUrl")).toHaveLength(1);
  expect(await dead(bench, url)).toHaveLength(5);
});

it("waits for another's look-up no longer than it may, and asks again when that has failed", async () => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  bench.sqs.intercept("GetQueueUrl", (_next, _input, options) => silence(options));
  const { send } = fixture(bench, { Body: "never" }, deadArn);
  const ends: [string, number, unknown][] = [];
  const ended = (who: string) => (error: unknown) =>
    void ends.push([who, bench.clock.monotonicMs(), error]);
  send("broken").catch(ended("the first"));
  send("broken", 3_000).catch(ended("the second"));
  await bench.clock.advance(10_000);
  expect(ends).toEqual([
    ["the second", 3_000, expect.objectContaining({ code: "SQS_TIMEOUT", timeoutMs: 3_000 })],
    ["the first", 10_000, expect.objectContaining({ code: "SQS_TIMEOUT", timeoutMs: 10_000 })],
  ]);
  expect(bench.sqs.of("GetQueueUrl")).toHaveLength(1);
  bench.sqs.intercept("GetQueueUrl", undefined);
  await send("broken");
  expect(await dead(bench, url)).toHaveLength(1);
});

it("leaves the reason out where there are ten attributes already", async () => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  const MessageAttributes = Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [
      `a${index}`,
      { DataType: "String", StringValue: "x" },
    ]),
  );
  await fixture(bench, { Body: "never", MessageAttributes }, deadArn).send("broken");
  expect((await dead(bench, url))[0]?.MessageAttributes).toEqual(MessageAttributes);
});

it("cuts a reason that is long", async () => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  await fixture(bench, { Body: "never" }, deadArn).send("x".repeat(5_000));
  const [copy] = await dead(bench, url);
  expect(copy?.MessageAttributes?.[reasonAttribute]?.StringValue).toBe("x".repeat(1_000));
});

it.each([
  ["takes the last byte that is left for it", 0, true],
  ["leaves it out when a byte is missing", 1, false],
])("of a reason and a large body: %s", async (_, tooMany, travels) => {
  const bench = await Bench.open();
  const url = await bench.deadLetterQueue();
  const reason = { [reasonAttribute]: { DataType: "String", StringValue: "größer" } };
  const room = maxPayloadBytes - messageBytes("", reason);
  await fixture(bench, { Body: "x".repeat(room + tooMany) }, deadArn).send("größer");
  const [copy] = await dead(bench, url);
  expect(copy?.MessageAttributes).toEqual(travels ? reason : undefined);
});

it.each([
  ["an Error", new Error("card refused"), "card refused"],
  ["no text at all", { code: 42 }, '{"code":42}'],
])("takes a reason that is %s", async (_, reason, text) => {
  const bench = await Bench.open();
  const queueUrl = await bench.deadLetterQueue();
  await bench.send("never");
  const { consumer, told } = bench.consumer({
    handle: () => deadLetter({ reason: reason as unknown as string }),
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 1, 5_000);
  expect(only(told, "deadLettered")).toMatchObject([{ reason: text }]);
  const [copy] = await dead(bench, queueUrl);
  expect(copy?.MessageAttributes?.[reasonAttribute]?.StringValue).toBe(text);
});
