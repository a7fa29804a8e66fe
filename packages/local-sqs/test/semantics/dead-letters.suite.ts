/** What becomes of a message that is received again and again. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { refused, useBench } from "./driver.ts";

const start = Date.UTC(2026, 0, 1);

export function deadLettersSuite(open: OpenBench): void {
  describe("dead-letter queues", () => {
    const sqs = useBench(open);

    it("get a message at the receive after maxReceiveCount, not before", async () => {
      const { source, dead } = await sqs.redriven(2);
      await sqs.send(source, "poison");
      for (const count of ["1", "2"]) {
        const message = await sqs.receiveOne(source, { AttributeNames: ["All"] });
        expect(message.Attributes?.["ApproximateReceiveCount"]).toBe(count);
        await sqs.clock.advance(30_000);
      }
      expect(await sqs.counts(source)).toEqual([1, 0, 0]);
      expect(await sqs.counts(dead)).toEqual([0, 0, 0]);
      expect(await sqs.receive(source)).toEqual([]);
      expect(await sqs.counts(source)).toEqual([0, 0, 0]);
      expect(await sqs.bodies(dead)).toEqual(["poison"]);
    });

    it("count a release with visibility 0 as a receive like any other", async () => {
      const { source, dead } = await sqs.redriven(1);
      await sqs.send(source, "poison");
      const { ReceiptHandle: handle } = await sqs.receiveOne(source);
      await sqs.changeVisibility(source, handle, 0);
      expect(await sqs.receive(source)).toEqual([]);
      expect(await sqs.counts(dead)).toEqual([1, 0, 0]);
    });

    it("leave the good messages to the receive that finds a bad one", async () => {
      const { source, dead } = await sqs.redriven(1);
      await sqs.send(source, "poison");
      await sqs.receiveOne(source, { VisibilityTimeout: 0 });
      await sqs.send(source, "good");
      expect(await sqs.bodies(source)).toEqual(["good"]);
      expect(await sqs.bodies(dead)).toEqual(["poison"]);
    });

    it("get the message as it was: id, attributes, send time, counts, and where it comes from", async () => {
      const { source, dead, sourceArn } = await sqs.redriven(1);
      const sent = await sqs.send(source, "poison", {
        MessageAttributes: { a: { DataType: "String", StringValue: "x" } },
        MessageGroupId: "tenant",
      });
      await sqs.clock.advance(1000);
      await sqs.receiveOne(source);
      await sqs.clock.advance(30_000);
      await sqs.receive(source);
      const message = await sqs.receiveOne(dead, {
        AttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      });
      expect(message).toMatchObject({
        MessageId: sent.MessageId,
        MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
        Attributes: {
          SentTimestamp: String(start),
          ApproximateFirstReceiveTimestamp: String(start + 1000),
          ApproximateReceiveCount: "2",
          DeadLetterQueueSourceArn: sourceArn,
          MessageGroupId: "tenant",
        },
      });
    });

    it("wake who waits there", async () => {
      const { source, dead } = await sqs.redriven(1);
      await sqs.send(source, "poison");
      await sqs.receiveOne(source);
      const waiting = await sqs.poll(source);
      const rescue = await sqs.poll(dead);
      await sqs.clock.advance(19_999);
      await sqs.waiting(source, 1);
      await sqs.clock.advance(1);
      expect(await waiting.messages).toEqual([]);
      expect(await rescue.messages).toEqual([]);
      const again = await sqs.poll(source);
      const rescueAgain = await sqs.poll(dead);
      await sqs.clock.advance(10_000);
      expect(await rescueAgain.messages).toMatchObject([{ Body: "poison" }]);
      await sqs.clock.advance(10_000);
      expect(await again.messages).toEqual([]);
    });

    it("of standard queues keep a message from its first send on: retention goes on", async () => {
      const { source, dead } = await sqs.redriven(1, { MessageRetentionPeriod: "120" });
      await sqs.send(source, "poison");
      await sqs.receiveOne(source);
      await sqs.clock.advance(100_000);
      await sqs.receive(source);
      expect(await sqs.counts(dead)).toEqual([1, 0, 0]);
      await sqs.clock.advance(20_000);
      expect(await sqs.counts(dead)).toEqual([0, 0, 0]);
    });

    it("of FIFO queues keep a message from its arrival on", async () => {
      const attributes = { FifoQueue: "true", MessageRetentionPeriod: "120" };
      const { source, dead } = await sqs.redriven(1, attributes, ".fifo");
      await sqs.sendTo(source, "g", "poison");
      await sqs.receiveOne(source);
      await sqs.clock.advance(100_000);
      await sqs.receive(source);
      await sqs.clock.advance(119_000);
      expect(await sqs.counts(dead)).toEqual([1, 0, 0]);
      await sqs.clock.advance(1000);
      expect(await sqs.counts(dead)).toEqual([0, 0, 0]);
    });

    it("of FIFO queues let the group go on without the message", async () => {
      const { source, dead } = await sqs.redriven(1, { FifoQueue: "true" }, ".fifo");
      for (const body of ["poison", "b", "c"]) await sqs.sendTo(source, "g", body);
      const { ReceiptHandle: handle } = await sqs.receiveOne(source);
      await sqs.changeVisibility(source, handle, 0);
      expect(await sqs.bodies(source)).toEqual(["b", "c"]);
      const [message] = await sqs.receive(dead, { AttributeNames: ["All"] });
      expect(message).toMatchObject({
        Body: "poison",
        Attributes: { MessageGroupId: "g", MessageDeduplicationId: "g-poison" },
      });
    });

    it("with a policy of their own count their own receives", async () => {
      const last = await sqs.queue("last");
      const { source, dead } = await sqs.redriven(2);
      const lastArn = await sqs.attribute(last, "QueueArn");
      const policy = JSON.stringify({ deadLetterTargetArn: lastArn, maxReceiveCount: 2 });
      await sqs.setAttributes(dead, { RedrivePolicy: policy });
      await sqs.send(source, "poison");
      const receive = async (url: string): Promise<number> =>
        (await sqs.receive(url, { VisibilityTimeout: 0 })).length;
      expect([await receive(source), await receive(source), await receive(source)]).toEqual([
        1, 1, 0,
      ]);
      expect([await receive(dead), await receive(dead), await receive(dead)]).toEqual([1, 1, 0]);
      const message = await sqs.receiveOne(last, { AttributeNames: ["DeadLetterQueueSourceArn"] });
      expect(message.Attributes).toEqual({
        DeadLetterQueueSourceArn: await sqs.attribute(dead, "QueueArn"),
      });
    });

    it("that are gone leave the message where it is", async () => {
      const { source, dead } = await sqs.redriven(1);
      await sqs.send(source, "poison");
      await sqs.receiveOne(source, { VisibilityTimeout: 0 });
      await sqs.api.call("DeleteQueue", { QueueUrl: dead });
      expect(await sqs.bodies(source)).toEqual(["poison"]);
    });

    it("can send messages in a circle without losing any", async () => {
      const { source, dead, sourceArn } = await sqs.redriven(1);
      const policy = JSON.stringify({ deadLetterTargetArn: sourceArn, maxReceiveCount: 1 });
      await sqs.setAttributes(dead, { RedrivePolicy: policy });
      await sqs.send(source, "a");
      await sqs.receiveOne(source, { VisibilityTimeout: 5 });
      await sqs.send(dead, "b");
      await sqs.receiveOne(dead, { VisibilityTimeout: 5 });
      const polls = [await sqs.poll(source), await sqs.poll(dead)];
      await sqs.clock.advance(20_000);
      const bodies = (await Promise.all(polls.map(({ messages }) => messages))).flat();
      const counts = [await sqs.counts(source), await sqs.counts(dead)].flat();
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2);
      expect(bodies.length).toBeGreaterThan(0);
    });

    it("are known to their sources and list them", async () => {
      const { source, dead } = await sqs.redriven(3);
      const { queueUrls: sources } = await sqs.api.call("ListDeadLetterSourceQueues", {
        QueueUrl: dead,
      });
      expect(sources).toEqual([source]);
      const none = await sqs.api.call("ListDeadLetterSourceQueues", { QueueUrl: source });
      expect(none.queueUrls ?? []).toEqual([]);
      await sqs.setAttributes(source, { RedrivePolicy: "" });
      expect(await sqs.attributes(source, ["RedrivePolicy"])).toEqual({});
      const after = await sqs.api.call("ListDeadLetterSourceQueues", { QueueUrl: dead });
      expect(after.queueUrls ?? []).toEqual([]);
    });
  });

  describe("redrive policies", () => {
    const sqs = useBench(open);

    it("are given back as JSON, the count as a number", async () => {
      const { deadArn } = await sqs.redriven(3);
      const url = await sqs.queue("other", {
        RedrivePolicy: `{"maxReceiveCount":"7", "deadLetterTargetArn":"${deadArn}"}`,
      });
      expect(JSON.parse(await sqs.attribute(url, "RedrivePolicy"))).toEqual({
        deadLetterTargetArn: deadArn,
        maxReceiveCount: 7,
      });
    });

    it.each([
      "nonsense",
      "[]",
      "{}",
      '{"maxReceiveCount":3}',
      '{"deadLetterTargetArn":"DEAD"}',
      '{"deadLetterTargetArn":"DEAD","maxReceiveCount":0}',
      '{"deadLetterTargetArn":"DEAD","maxReceiveCount":1001}',
      '{"deadLetterTargetArn":"DEAD","maxReceiveCount":1.5}',
      '{"deadLetterTargetArn":"DEAD","maxReceiveCount":"many"}',
      '{"deadLetterTargetArn":"dummy","maxReceiveCount":3}',
      '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":3}',
      '{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":3}',
      '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:source","maxReceiveCount":3}',
    ])("are refused: %s", async (policy) => {
      const { source, deadArn } = await sqs.redriven(3);
      const given = { RedrivePolicy: policy.replace("DEAD", deadArn) };
      await refused(sqs.setAttributes(source, given), "InvalidParameterValue");
      if (policy.includes("source")) return;
      await refused(sqs.queue("another", given), "InvalidParameterValue");
    });

    it("are refused between a standard and a FIFO queue", async () => {
      const { deadArn } = await sqs.redriven(3);
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount: 3 });
      await refused(sqs.fifo("orders.fifo", { RedrivePolicy }), "InvalidParameterValue");
    });

    it("need the leave of the dead-letter queue", async () => {
      const dead = await sqs.queue("dead");
      const deadArn = await sqs.attribute(dead, "QueueArn");
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount: 3 });
      const allow = (policy: object): Promise<void> =>
        sqs.setAttributes(dead, { RedriveAllowPolicy: JSON.stringify(policy) });
      await allow({ redrivePermission: "denyAll" });
      await refused(sqs.queue("a", { RedrivePolicy }), "InvalidParameterValue");
      const sourceQueueArns = ["arn:aws:sqs:us-east-1:000000000000:a"];
      await allow({ redrivePermission: "byQueue", sourceQueueArns });
      await sqs.queue("a", { RedrivePolicy });
      await refused(sqs.queue("b", { RedrivePolicy }), "InvalidParameterValue");
      await allow({ redrivePermission: "allowAll" });
      await sqs.queue("b", { RedrivePolicy });
      for (const bad of [
        {},
        { redrivePermission: "some" },
        { redrivePermission: "byQueue" },
        { redrivePermission: "byQueue", sourceQueueArns: ["x"] },
        { redrivePermission: "denyAll", sourceQueueArns },
      ]) {
        await refused(allow(bad), "InvalidParameterValue");
      }
    });
  });
}
