/** What a FIFO queue takes for the same message. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { useBench } from "./driver.ts";

export function deduplicationSuite(open: OpenBench): void {
  describe("deduplication", () => {
    const sqs = useBench(open);

    it("by id takes a second send within five minutes for the first, whatever its body", async () => {
      const url = await sqs.fifo();
      const ids = { MessageGroupId: "g", MessageDeduplicationId: "1" };
      const first = await sqs.send(url, "a", ids);
      await sqs.clock.advance(299_999);
      const second = await sqs.send(url, "b", ids);
      expect(second.MessageId).toBe(first.MessageId);
      expect(second.SequenceNumber).toBe(first.SequenceNumber);
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
      await sqs.clock.advance(1);
      await sqs.send(url, "c", ids);
      expect(await sqs.bodies(url)).toEqual(["a", "c"]);
    });

    it("counts the five minutes from the first send, not from a repeated one", async () => {
      const url = await sqs.fifo();
      const ids = { MessageGroupId: "g", MessageDeduplicationId: "1" };
      await sqs.send(url, "a", ids);
      await sqs.clock.advance(200_000);
      await sqs.send(url, "a", ids);
      await sqs.clock.advance(100_000);
      await sqs.send(url, "a", ids);
      expect(await sqs.counts(url)).toEqual([2, 0, 0]);
    });

    it("goes on after the message was received and deleted", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.delete(url, handle);
      await sqs.sendTo(url, "g", "a");
      expect(await sqs.receive(url)).toEqual([]);
    });

    it("by id holds across groups", async () => {
      const url = await sqs.fifo();
      await sqs.send(url, "a", { MessageGroupId: "g", MessageDeduplicationId: "1" });
      await sqs.send(url, "b", { MessageGroupId: "h", MessageDeduplicationId: "1" });
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("by id holds within a group where the queue says so", async () => {
      const url = await sqs.fifo("orders.fifo", {
        DeduplicationScope: "messageGroup",
        FifoThroughputLimit: "perMessageGroupId",
      });
      await sqs.send(url, "a", { MessageGroupId: "g", MessageDeduplicationId: "1" });
      await sqs.send(url, "b", { MessageGroupId: "h", MessageDeduplicationId: "1" });
      await sqs.send(url, "c", { MessageGroupId: "g", MessageDeduplicationId: "1" });
      expect(await sqs.bodies(url)).toEqual(["a", "b"]);
    });

    it("by content compares bodies, not attributes", async () => {
      const url = await sqs.fifo("orders.fifo", { ContentBasedDeduplication: "true" });
      const send = (body: string, attribute: string): Promise<unknown> =>
        sqs.send(url, body, {
          MessageGroupId: "g",
          MessageAttributes: { a: { DataType: "String", StringValue: attribute } },
        });
      await send("a", "1");
      await send("a", "2");
      await send("b", "1");
      const messages = await sqs.receive(url, { AttributeNames: ["MessageDeduplicationId"] });
      expect(messages.map(({ Body: body }) => body)).toEqual(["a", "b"]);
      expect(messages[0]?.Attributes).toEqual({
        MessageDeduplicationId: createHash("sha256").update("a").digest("hex"),
      });
    });

    it("by content gives way to an id that is given, and knows its own digest as one", async () => {
      const url = await sqs.fifo("orders.fifo", { ContentBasedDeduplication: "true" });
      const send = (body: string, id?: string): Promise<unknown> =>
        sqs.send(url, body, { MessageGroupId: "g", MessageDeduplicationId: id });
      await send("a");
      await send("a", "own");
      await send("b", createHash("sha256").update("a").digest("hex"));
      expect(await sqs.counts(url)).toEqual([2, 0, 0]);
    });

    it("holds within one batch", async () => {
      const url = await sqs.fifo();
      const { Successful: sent } = await sqs.api.call("SendMessageBatch", {
        QueueUrl: url,
        Entries: ["a", "b"].map((id) => ({
          Id: id,
          MessageBody: id,
          MessageGroupId: "g",
          MessageDeduplicationId: "same",
        })),
      });
      expect(sent?.[1]?.MessageId).toBe(sent?.[0]?.MessageId);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("is none of a standard queue's", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.send(url, "a");
      expect(await sqs.counts(url)).toEqual([2, 0, 0]);
    });
  });
}
