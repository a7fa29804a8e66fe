/**
 * What a start finds out about its queue, by whichever name it is given, and what it asks of every
 * receive because of it.
 */
import { QueueSetupError, SqsTimeoutError } from "millrace";
import { describe, expect, it } from "vitest";
import { Bench, only } from "./bench.ts";
import { denied, errorOf, never, refused, serviceError } from "./faults.ts";

describe("a queue", () => {
  it.each([
    ["URL", ({ queueUrl }: Bench) => queueUrl, 0],
    ["ARN", () => "arn:aws:sqs:us-east-1:000000000000:jobs", 1],
    ["name", () => "jobs", 1],
  ])("by its %s", async (_, queue, lookUps) => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ queue: queue(bench), handle: () => {} });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    expect(bench.sqs.of("GetQueueUrl")).toHaveLength(lookUps);
    expect(only(told, "acknowledged")[0]?.message.queueUrl).toBe(bench.queueUrl);
  });

  it("gives its own visibility timeout, unless the option overrules it", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "77" });
    const { consumer } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    expect(bench.sqs.of("ReceiveMessage")[0]?.input).toMatchObject({ VisibilityTimeout: 77 });
    const { consumer: other } = bench.consumer({ visibilityTimeoutSeconds: 5, handle: () => {} });
    await bench.start(other);
    expect(bench.sqs.of("ReceiveMessage").at(-1)?.input).toMatchObject({ VisibilityTimeout: 5 });
  });

  it("with a visibility timeout of 0 is refused, unless the option overrules it", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "0" });
    const { consumer } = bench.consumer({ handle: () => {} });
    const error = await errorOf(bench.start(consumer));
    expect(error).toBeInstanceOf(QueueSetupError);
    expect(error).toMatchObject({
      code: "QUEUE_SETUP",
      message: expect.stringContaining("visibilityTimeoutSeconds"),
    });
    expect(bench.clock.pendingTimers).toBe(0);
    const { consumer: other } = bench.consumer({ visibilityTimeoutSeconds: 30, handle: () => {} });
    await bench.start(other);
  });

  it.each([
    undefined as never,
    {},
    { Attributes: {} },
    { Attributes: { VisibilityTimeout: "soon" } },
  ])("that answers %j is refused", async (answer) => {
    const bench = await Bench.open();
    bench.sqs.intercept("GetQueueAttributes", () => Promise.resolve(answer));
    const { consumer } = bench.consumer({ handle: () => {} });
    expect(await errorOf(bench.start(consumer))).toBeInstanceOf(Error);
    expect(consumer.health().status).toBe("stopped");
  });

  it("whose attributes may not be read is consumed when the option says how long to hold", async () => {
    const bench = await Bench.open();
    await bench.deadLetterQueue();
    bench.sqs.intercept("GetQueueAttributes", () => Promise.reject(denied()));
    const { consumer } = bench.consumer({ visibilityTimeoutSeconds: 30, handle: () => {} });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    expect(bench.logged).toMatchObject([
      { level: "warn", message: expect.stringContaining("GetQueueAttributes is denied") },
    ]);
  });

  it("that cannot be looked up, for whatever reason, rejects the start with that reason", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ queue: "jobs", handle: () => {} });
    for (const error of [refused(), serviceError("GetQueueUrl", "InternalError", 500)]) {
      bench.sqs.intercept("GetQueueUrl", () => Promise.reject(error));
      expect(await errorOf(bench.start(consumer))).toBe(error);
    }
  });

  it.each(["GetQueueUrl", "GetQueueAttributes"] as const)(
    "whose %s is never answered rejects the start after half a minute",
    async (operation) => {
      const bench = await Bench.open();
      bench.sqs.intercept(operation, () => never());
      const { consumer } = bench.consumer({ queue: "jobs", handle: () => {} });
      const error = await errorOf(bench.start(consumer));
      expect(error).toBeInstanceOf(SqsTimeoutError);
      expect(error).toMatchObject({ operation, timeoutMs: 30_000 });
      expect(bench.clock.pendingTimers).toBe(0);
    },
  );

  it.each(["", "not json", "[]", "null", "{}", '{"deadLetterTargetArn":5}'])(
    "with the redrive policy %j has no dead-letter queue",
    async (RedrivePolicy) => {
      const bench = await Bench.open();
      bench.sqs.intercept("GetQueueAttributes", () =>
        Promise.resolve({ Attributes: { VisibilityTimeout: "30", RedrivePolicy } }),
      );
      const { consumer } = bench.consumer<unknown>({
        schema: {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: () => ({ issues: [{ message: "no" }] }),
          },
        },
        handle: () => {},
      });
      await bench.send("{}");
      await bench.start(consumer);
      await bench.clock.advance(100);
      expect(consumer.stats()).toMatchObject({ retried: 1, deadLettered: 0 });
    },
  );
});

it("each receive asks for all that a message is made of", async () => {
  const bench = await Bench.open();
  const { consumer } = bench.consumer({ handle: () => {} });
  await bench.start(consumer);
  expect(bench.sqs.of("ReceiveMessage")[0]?.input).toEqual({
    QueueUrl: bench.queueUrl,
    MaxNumberOfMessages: 10,
    WaitTimeSeconds: 0,
    VisibilityTimeout: 30,
    MessageAttributeNames: ["All"],
    MessageSystemAttributeNames: [
      "ApproximateReceiveCount",
      "SentTimestamp",
      "MessageGroupId",
      "MessageDeduplicationId",
      "SequenceNumber",
    ],
  });
});
