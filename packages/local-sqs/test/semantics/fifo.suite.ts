/** Order within a group, and what holds a group up. */
import { describe, expect, it } from "vitest";
import type { ReceivedMessage } from "millrace";
import type { OpenBench } from "../bench.ts";
import { refused, useBench } from "./driver.ts";

const system = (message: ReceivedMessage | undefined, name: string): string =>
  message?.Attributes?.[name] ?? "";

export function fifoSuite(open: OpenBench): void {
  describe("FIFO groups", () => {
    const sqs = useBench(open);

    it("come in order, several messages of a group in one receive", async () => {
      const url = await sqs.fifo();
      for (const body of ["a", "b", "c"]) await sqs.sendTo(url, "g", body);
      expect(await sqs.bodies(url)).toEqual(["a", "b", "c"]);
    });

    it("are held up while one of their messages is in flight, and other groups are not", async () => {
      const url = await sqs.fifo();
      for (const body of ["a", "b"]) await sqs.sendTo(url, "g", body);
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.sendTo(url, "other", "x");
      expect(await sqs.bodies(url)).toEqual(["x"]);
      await sqs.delete(url, handle);
      expect(await sqs.bodies(url)).toEqual(["b"]);
    });

    it("give as much of one group as fits, then of the next", async () => {
      const url = await sqs.fifo();
      for (const body of ["1", "2", "3"]) {
        for (const group of ["g", "h"]) await sqs.sendTo(url, group, `${group}${body}`);
      }
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 4 })).toEqual(["g1", "g2", "g3", "h1"]);
      expect(await sqs.receive(url)).toEqual([]);
    });

    it("are released in order when the timeout of their messages is over", async () => {
      const url = await sqs.fifo();
      for (const body of ["a", "b", "c"]) await sqs.sendTo(url, "g", body);
      expect(await sqs.bodies(url, { MaxNumberOfMessages: 2 })).toEqual(["a", "b"]);
      await sqs.clock.advance(30_000);
      expect(await sqs.bodies(url)).toEqual(["a", "b", "c"]);
    });

    it("stay held up until the last of their messages in flight is back or deleted", async () => {
      const url = await sqs.fifo();
      for (const body of ["a", "b", "c"]) await sqs.sendTo(url, "g", body);
      const [a, b, c] = await sqs.receive(url);
      await sqs.changeVisibility(url, a?.ReceiptHandle, 0);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.delete(url, b?.ReceiptHandle);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.changeVisibility(url, c?.ReceiptHandle, 0);
      expect(await sqs.bodies(url)).toEqual(["a", "c"]);
    });

    it("come back to the front, before what was sent since", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.sendTo(url, "g", "b");
      await sqs.changeVisibility(url, handle, 0);
      expect(await sqs.bodies(url)).toEqual(["a", "b"]);
    });

    it("wake a poll when a delete lets them go on", async () => {
      const url = await sqs.fifo();
      for (const body of ["a", "b"]) await sqs.sendTo(url, "g", body);
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      const poll = await sqs.poll(url);
      await sqs.delete(url, handle);
      expect(await poll.messages).toMatchObject([{ Body: "b" }]);
    });

    it("do not wake a poll for a message that is held up", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      await sqs.receiveOne(url);
      const poll = await sqs.poll(url);
      await sqs.sendTo(url, "g", "b");
      expect(sqs.service.waitingReceives(url)).toBe(1);
      expect(await sqs.counts(url)).toEqual([1, 1, 0]);
      await sqs.sendTo(url, "other", "x");
      expect(await poll.messages).toMatchObject([{ Body: "x" }]);
    });

    it("wait for the delay of the queue, in order", async () => {
      const url = await sqs.fifo("orders.fifo", { DelaySeconds: "10" });
      await sqs.sendTo(url, "g", "a");
      await sqs.clock.advance(5000);
      await sqs.sendTo(url, "g", "b");
      await sqs.clock.advance(5000);
      expect(await sqs.bodies(url, { VisibilityTimeout: 1 })).toEqual(["a"]);
      await sqs.clock.advance(5000);
      expect(await sqs.bodies(url)).toEqual(["a", "b"]);
    });
  });

  describe("FIFO queues", () => {
    const sqs = useBench(open);

    it("give sequence numbers of 20 digits that grow, to sender and receiver", async () => {
      const url = await sqs.fifo();
      const sent = [await sqs.sendTo(url, "g", "a"), await sqs.sendTo(url, "h", "b")];
      const received = await sqs.receive(url, { AttributeNames: ["All"] });
      const numbers = received.map((message) => system(message, "SequenceNumber"));
      expect(numbers).toEqual(sent.map(({ SequenceNumber: number }) => number));
      expect(numbers[0]).toMatch(/^\d{20}$/);
      expect(BigInt(numbers[1] ?? 0)).toBeGreaterThan(BigInt(numbers[0] ?? 0));
    });

    it("show group and deduplication id when asked", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      const message = await sqs.receiveOne(url, {
        MessageSystemAttributeNames: ["MessageGroupId", "MessageDeduplicationId"],
      });
      expect(message.Attributes).toEqual({ MessageGroupId: "g", MessageDeduplicationId: "g-a" });
    });

    it("refuse a handle whose timeout is over, and one that was received again since", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      const old = await sqs.receiveOne(url);
      await sqs.clock.advance(30_000);
      for (const received of [false, true]) {
        if (received) await sqs.receiveOne(url);
        const error = await refused(sqs.delete(url, old.ReceiptHandle), "InvalidParameterValue");
        expect(error.message).toContain("The receipt handle has expired");
        const change = sqs.changeVisibility(url, old.ReceiptHandle, 10);
        await refused(change, "InvalidParameterValue");
      }
      const answer = await sqs.api.call("DeleteMessageBatch", {
        QueueUrl: url,
        Entries: [{ Id: "0", ReceiptHandle: old.ReceiptHandle ?? "" }],
      });
      expect(answer.Failed).toMatchObject([{ Id: "0", Code: "ReceiptHandleIsInvalid" }]);
      expect(await sqs.counts(url)).toEqual([0, 1, 0]);
    });

    it("take a second delete of a deleted message", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.delete(url, handle);
      await expect(sqs.delete(url, handle)).resolves.toBeUndefined();
    });

    it("want a group and a deduplication id", async () => {
      const url = await sqs.fifo();
      await refused(sqs.send(url, "a", { MessageDeduplicationId: "1" }), "MissingParameter");
      await refused(sqs.send(url, "a", { MessageGroupId: "g" }), "InvalidParameterValue");
      const batch = (entry: object): Promise<unknown> =>
        sqs.api.call("SendMessageBatch", {
          QueueUrl: url,
          Entries: [
            { Id: "0", MessageBody: "a", MessageGroupId: "g", MessageDeduplicationId: "1" },
            { Id: "1", MessageBody: "b", ...entry },
          ],
        });
      await refused(batch({ MessageDeduplicationId: "2" }), "InvalidParameterValue");
      await refused(batch({ MessageGroupId: "g" }), "InvalidParameterValue");
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });
  });

  describe("ReceiveRequestAttemptId", () => {
    const sqs = useBench(open);
    const attempt = { ReceiveRequestAttemptId: "attempt-1" };

    it("brings the same messages again, handles and all, within five minutes", async () => {
      const url = await sqs.fifo();
      for (const body of ["a", "b"]) await sqs.sendTo(url, "g", body);
      const rest = { ...attempt, VisibilityTimeout: 600, AttributeNames: ["All"] };
      const first = await sqs.receive(url, rest);
      await sqs.sendTo(url, "g", "c");
      await sqs.clock.advance(299_999);
      expect(await sqs.receive(url, rest)).toEqual(first);
      expect(first).toHaveLength(2);
      await sqs.clock.advance(1);
      expect(await sqs.receive(url, rest)).toEqual([]);
      await sqs.delete(url, first[0]?.ReceiptHandle);
    });

    it("sets the visibility timeout anew", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      await sqs.receive(url, attempt);
      await sqs.clock.advance(20_000);
      await sqs.receive(url, attempt);
      await sqs.clock.advance(29_999);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.clock.advance(1);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("counts the 12 hours anew as well", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      await sqs.receive(url, { ...attempt, VisibilityTimeout: 600 });
      await sqs.clock.advance(100_000);
      const [message] = await sqs.receive(url, attempt);
      await sqs.changeVisibility(url, message?.ReceiptHandle, 43_200);
      expect(await sqs.counts(url)).toEqual([0, 1, 0]);
    });

    it("says nothing of another attempt, or of none", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      await sqs.receive(url, attempt);
      expect(await sqs.receive(url, { ReceiveRequestAttemptId: "attempt-2" })).toEqual([]);
      expect(await sqs.receive(url)).toEqual([]);
    });

    it("is over once a message was deleted, or its visibility changed", async () => {
      for (const touch of ["delete", "change"]) {
        const url = await sqs.fifo(`${touch}.fifo`);
        for (const body of ["a", "b"]) await sqs.sendTo(url, "g", body);
        const [a] = await sqs.receive(url, attempt);
        if (touch === "delete") await sqs.delete(url, a?.ReceiptHandle);
        else await sqs.changeVisibility(url, a?.ReceiptHandle, 60);
        expect(await sqs.receive(url, attempt)).toEqual([]);
      }
    });

    it("is an ordinary receive when the timeout is over: new handles", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      const [first] = await sqs.receive(url, attempt);
      await sqs.clock.advance(30_000);
      const [second] = await sqs.receive(url, attempt);
      expect(second?.MessageId).toBe(first?.MessageId);
      expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle);
      expect(await sqs.receive(url, attempt)).toMatchObject([
        { ReceiptHandle: second?.ReceiptHandle },
      ]);
    });

    it("brings nothing that somebody else has received meanwhile", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      await sqs.receive(url, attempt);
      await sqs.clock.advance(30_000);
      await sqs.receiveOne(url);
      expect(await sqs.receive(url, attempt)).toEqual([]);
    });

    it("counts the five minutes from the latest receive of that id", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      await sqs.receive(url, { ...attempt, VisibilityTimeout: 1 });
      await sqs.clock.advance(200_000);
      const [second] = await sqs.receive(url, { ...attempt, VisibilityTimeout: 600 });
      await sqs.clock.advance(200_000);
      expect(await sqs.receive(url, attempt)).toMatchObject([
        { ReceiptHandle: second?.ReceiptHandle },
      ]);
    });

    it("holds for a long poll that was answered", async () => {
      const url = await sqs.fifo();
      const poll = await sqs.poll(url, attempt);
      await sqs.sendTo(url, "g", "a");
      const messages = await poll.messages;
      expect(messages).toHaveLength(1);
      expect(await sqs.receive(url, attempt)).toEqual(messages);
    });
  });
}
