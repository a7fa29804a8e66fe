/** The way back from a dead-letter queue. */
import { describe, expect, it } from "vitest";
import type { MessageMoveTask, StartMessageMoveTaskInput } from "millrace";
import type { OpenBench } from "../bench.ts";
import { numbered, refused, useBench } from "./driver.ts";

const start = Date.UTC(2026, 0, 1);

export function moveTasksSuite(open: OpenBench): void {
  describe("message move tasks", () => {
    const sqs = useBench(open);

    /** A source whose messages have all failed. */
    const failed = async (
      bodies: readonly string[],
    ): Promise<Awaited<ReturnType<typeof sqs.redriven>>> => {
      const queues = await sqs.redriven(1);
      for (const body of bodies) {
        await sqs.send(queues.source, body);
        await sqs.receiveOne(queues.source, { VisibilityTimeout: 0 });
        expect(await sqs.receive(queues.source)).toEqual([]);
      }
      return queues;
    };
    const move = async (input: StartMessageMoveTaskInput): Promise<string> =>
      (await sqs.api.call("StartMessageMoveTask", input)).TaskHandle ?? "";
    const list = async (arn: string, max?: number): Promise<readonly MessageMoveTask[]> =>
      (await sqs.api.call("ListMessageMoveTasks", { SourceArn: arn, MaxResults: max })).Results ??
      [];

    it("bring messages back to where they came from, as new ones", async () => {
      const { source, dead, deadArn } = await failed(["a", "b"]);
      const [before] = await sqs.receive(dead, { VisibilityTimeout: 0 });
      await sqs.clock.advance(60_000);
      await move({ SourceArn: deadArn });
      await sqs.clock.advance(1000);
      expect(await sqs.counts(dead)).toEqual([0, 0, 0]);
      const messages = await sqs.receive(source, { AttributeNames: ["All"] });
      expect(messages.map(({ Body: body = "" }) => body).toSorted()).toEqual(["a", "b"]);
      const after = messages.find(({ Body: body }) => body === before?.Body);
      expect(after?.MessageId).not.toBe(before?.MessageId);
      expect(after?.Attributes).toMatchObject({ ApproximateReceiveCount: "1" });
      expect(Number(after?.Attributes?.["SentTimestamp"])).toBeGreaterThan(start + 59_999);
      expect(after?.Attributes).not.toHaveProperty("DeadLetterQueueSourceArn");
      expect(await list(deadArn)).toMatchObject([
        {
          Status: "COMPLETED",
          SourceArn: deadArn,
          ApproximateNumberOfMessagesMoved: 2,
          ApproximateNumberOfMessagesToMove: 2,
          StartedTimestamp: start + 60_000,
        },
      ]);
      expect((await list(deadArn))[0]).not.toHaveProperty("TaskHandle", expect.anything());
    });

    it("bring each message back to its own source", async () => {
      const { source, dead, deadArn } = await sqs.redriven(1);
      const policy = await sqs.attribute(source, "RedrivePolicy");
      const other = await sqs.queue("other", { RedrivePolicy: policy });
      for (const url of [source, other]) {
        await sqs.send(url, url);
        await sqs.receiveOne(url, { VisibilityTimeout: 0 });
        await sqs.receive(url);
      }
      await move({ SourceArn: deadArn });
      await sqs.clock.advance(1000);
      expect(await sqs.counts(dead)).toEqual([0, 0, 0]);
      expect(await sqs.bodies(source)).toEqual([source]);
      expect(await sqs.bodies(other)).toEqual([other]);
    });

    it("bring messages to another queue where they are told to, and wake who waits there", async () => {
      const { deadArn } = await failed(["a"]);
      const other = await sqs.queue("other");
      const otherArn = await sqs.attribute(other, "QueueArn");
      const poll = await sqs.poll(other);
      await move({ SourceArn: deadArn, DestinationArn: otherArn });
      await sqs.clock.advance(1000);
      expect(await poll.messages).toMatchObject([{ Body: "a" }]);
      expect((await list(deadArn))[0]).toMatchObject({ DestinationArn: otherArn });
    });

    it("keep to their rate, on the clock", async () => {
      const { source, deadArn } = await failed(numbered(5));
      const handle = await move({ SourceArn: deadArn, MaxNumberOfMessagesPerSecond: 2 });
      expect((await list(deadArn))[0]).toMatchObject({
        Status: "RUNNING",
        TaskHandle: handle,
        MaxNumberOfMessagesPerSecond: 2,
        ApproximateNumberOfMessagesMoved: 0,
        ApproximateNumberOfMessagesToMove: 5,
      });
      const moved: number[] = [];
      for (let step = 0; step < 6; step += 1) {
        await sqs.clock.advance(500);
        moved.push((await sqs.counts(source))[0]);
      }
      expect(moved).toEqual([1, 2, 3, 4, 5, 5]);
      expect((await list(deadArn))[0]).toMatchObject({ Status: "COMPLETED" });
    });

    it("move 500 a second at most", async () => {
      const { dead, deadArn, source } = await failed(["a"]);
      for (let sent = 0; sent < 1000; sent += 10) {
        await sqs.api.call("SendMessageBatch", {
          QueueUrl: dead,
          Entries: numbered(10).map((body) => ({ Id: body, MessageBody: body })),
        });
      }
      const sourceArn = await sqs.attribute(source, "QueueArn");
      await move({ SourceArn: deadArn, DestinationArn: sourceArn });
      await sqs.clock.advance(1000);
      expect((await sqs.counts(source))[0]).toBe(500);
      await sqs.clock.advance(1200);
      expect((await sqs.counts(source))[0]).toBe(1001);
      const over = move({ SourceArn: deadArn, MaxNumberOfMessagesPerSecond: 501 });
      await refused(over, "InvalidParameterValue");
    });

    it("can be cancelled while they run: what is moved stays moved", async () => {
      const { source, dead, deadArn } = await failed(numbered(4));
      const handle = await move({ SourceArn: deadArn, MaxNumberOfMessagesPerSecond: 1 });
      await sqs.clock.advance(2500);
      const { ApproximateNumberOfMessagesMoved: moved } = await sqs.api.call(
        "CancelMessageMoveTask",
        { TaskHandle: handle },
      );
      expect(moved).toBe(2);
      await sqs.clock.advance(10_000);
      expect((await sqs.counts(source))[0]).toBe(2);
      expect((await sqs.counts(dead))[0]).toBe(2);
      expect(await list(deadArn)).toMatchObject([{ Status: "CANCELLED" }]);
      const again = sqs.api.call("CancelMessageMoveTask", { TaskHandle: handle });
      await refused(again, "UnsupportedOperation");
    });

    it("run one at a time for a queue, and the last ten are listed, latest first", async () => {
      const { deadArn } = await failed(["a"]);
      await move({ SourceArn: deadArn, MaxNumberOfMessagesPerSecond: 1 });
      await refused(move({ SourceArn: deadArn }), "InvalidParameterValue");
      await sqs.clock.advance(1000);
      for (let task = 0; task < 11; task += 1) {
        await move({ SourceArn: deadArn });
        await sqs.clock.advance(1000);
      }
      expect(await list(deadArn)).toHaveLength(1);
      const all = await list(deadArn, 10);
      expect(all).toHaveLength(10);
      const times = all.map(({ StartedTimestamp: time = 0 }) => time);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      await refused(list(deadArn, 11), "InvalidParameterValue");
    });

    it("leave alone what somebody has in flight", async () => {
      const { dead, deadArn, source } = await failed(["a", "b"]);
      await sqs.receiveOne(dead);
      await move({ SourceArn: deadArn });
      await sqs.clock.advance(1000);
      expect(await sqs.counts(dead)).toEqual([0, 1, 0]);
      expect((await sqs.counts(source))[0]).toBe(1);
      expect(await list(deadArn)).toMatchObject([{ Status: "COMPLETED" }]);
    });

    it("fail when a message has no source, and it stays", async () => {
      const { dead, deadArn } = await sqs.redriven(1);
      await sqs.send(dead, "sent here by hand");
      await move({ SourceArn: deadArn });
      await sqs.clock.advance(1000);
      expect(await list(deadArn)).toMatchObject([
        { Status: "FAILED", FailureReason: "CouldNotDetermineMessageSource" },
      ]);
      expect(await sqs.counts(dead)).toEqual([1, 0, 0]);
    });

    it("fail when the destination is deleted meanwhile", async () => {
      const { dead, deadArn } = await failed(numbered(3));
      const other = await sqs.queue("other");
      const otherArn = await sqs.attribute(other, "QueueArn");
      await move({
        SourceArn: deadArn,
        DestinationArn: otherArn,
        MaxNumberOfMessagesPerSecond: 1,
      });
      await sqs.clock.advance(1000);
      await sqs.api.call("DeleteQueue", { QueueUrl: other });
      await sqs.clock.advance(1000);
      expect(await list(deadArn)).toMatchObject([
        {
          Status: "FAILED",
          FailureReason: "AWS.SimpleQueueService.NonExistentQueue",
          ApproximateNumberOfMessagesMoved: 1,
        },
      ]);
      expect(await sqs.counts(dead)).toEqual([2, 0, 0]);
    });

    it("keep the order of a FIFO group", async () => {
      const { source, dead, deadArn } = await sqs.redriven(1, { FifoQueue: "true" }, ".fifo");
      for (const body of ["a", "b", "c"]) await sqs.sendTo(source, "g", body);
      await sqs.receive(source, { VisibilityTimeout: 0 });
      expect(await sqs.receive(source)).toEqual([]);
      expect((await sqs.counts(dead))[0]).toBe(3);
      await move({ SourceArn: deadArn });
      await sqs.clock.advance(1000);
      expect(await sqs.bodies(source)).toEqual(["a", "b", "c"]);
    });

    it("need a dead-letter queue as their source, and queues that exist and fit", async () => {
      const { source, sourceArn, deadArn } = await sqs.redriven(1);
      await refused(move({ SourceArn: sourceArn }), "InvalidParameterValue");
      const none = deadArn.replace("dead", "none");
      await refused(move({ SourceArn: none }), "ResourceNotFoundException");
      await refused(
        move({ SourceArn: deadArn, DestinationArn: none }),
        "ResourceNotFoundException",
      );
      await refused(move({ SourceArn: deadArn, DestinationArn: deadArn }), "InvalidParameterValue");
      const fifoArn = await sqs.attribute(await sqs.fifo(), "QueueArn");
      await refused(move({ SourceArn: deadArn, DestinationArn: fifoArn }), "InvalidParameterValue");
      await refused(list(none), "ResourceNotFoundException");
      expect(await sqs.counts(source)).toEqual([0, 0, 0]);
    });

    it("are not found by a handle that is none", async () => {
      const { deadArn } = await sqs.redriven(1);
      const cancel = (handle: string): Promise<unknown> =>
        sqs.api.call("CancelMessageMoveTask", { TaskHandle: handle });
      const handle = (content: object): string => btoa(JSON.stringify(content));
      await refused(cancel("junk"), "InvalidParameterValue");
      const elsewhere = handle({ taskId: "1", sourceArn: deadArn.replace("dead", "none") });
      await refused(cancel(elsewhere), "ResourceNotFoundException");
      await refused(
        cancel(handle({ taskId: "1", sourceArn: deadArn })),
        "ResourceNotFoundException",
      );
    });
  });
}
