/** Who waits for messages, who gets them, and who goes without. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { refused, useBench } from "./driver.ts";

export function longPollsSuite(open: OpenBench): void {
  describe("long polls", () => {
    const sqs = useBench(open);

    it("answers a short poll of an empty queue at once, without a list", async () => {
      const url = await sqs.queue();
      expect(await sqs.api.call("ReceiveMessage", { QueueUrl: url })).not.toHaveProperty(
        "Messages",
        expect.anything(),
      );
    });

    it("does not wait while there are messages, even fewer than asked for", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      expect(await sqs.bodies(url, { WaitTimeSeconds: 20 })).toEqual(["a"]);
    });

    it("wakes the poll that waits longest for one message, and leaves the others waiting", async () => {
      const url = await sqs.queue();
      const polls = [await sqs.poll(url), await sqs.poll(url), await sqs.poll(url)];
      await sqs.send(url, "a");
      expect(await polls[0]?.messages).toMatchObject([{ Body: "a" }]);
      expect(sqs.service.waitingReceives(url)).toBe(2);
      await sqs.send(url, "b");
      expect(await polls[1]?.messages).toMatchObject([{ Body: "b" }]);
      expect(sqs.service.waitingReceives(url)).toBe(1);
      await sqs.send(url, "c");
      expect(await polls[2]?.messages).toMatchObject([{ Body: "c" }]);
    });

    it("gives the messages of a batch to the first poll as far as it takes them", async () => {
      const url = await sqs.queue();
      const first = await sqs.poll(url, { MaxNumberOfMessages: 2 });
      const second = await sqs.poll(url);
      await sqs.api.call("SendMessageBatch", {
        QueueUrl: url,
        Entries: ["a", "b", "c"].map((body) => ({ Id: body, MessageBody: body })),
      });
      expect(await first.messages).toMatchObject([{ Body: "a" }, { Body: "b" }]);
      expect(await second.messages).toMatchObject([{ Body: "c" }]);
    });

    it("ends with nothing after its wait, and not before", async () => {
      const url = await sqs.queue();
      const poll = await sqs.poll(url, { WaitTimeSeconds: 5 });
      await sqs.clock.advance(4999);
      expect(sqs.service.waitingReceives(url)).toBe(1);
      await sqs.clock.advance(1);
      expect(await poll.messages).toEqual([]);
      expect(sqs.service.waitingReceives(url)).toBe(0);
    });

    it("lets each poll wait its own time", async () => {
      const url = await sqs.queue();
      const long = await sqs.poll(url, { WaitTimeSeconds: 20 });
      const short = await sqs.poll(url, { WaitTimeSeconds: 1 });
      await sqs.clock.advance(1000);
      expect(await short.messages).toEqual([]);
      expect(sqs.service.waitingReceives(url)).toBe(1);
      await sqs.send(url, "a");
      expect(await long.messages).toHaveLength(1);
    });

    it("takes the queue's wait where the call gives none, and a 0 over it", async () => {
      const url = await sqs.queue("orders", { ReceiveMessageWaitTimeSeconds: "3" });
      const poll = await sqs.poll(url, { WaitTimeSeconds: undefined });
      await sqs.clock.advance(3000);
      expect(await poll.messages).toEqual([]);
      expect(await sqs.receive(url, { WaitTimeSeconds: 0 })).toEqual([]);
    });

    it("rejects an aborted poll with the signal's reason, and gives its message to the next", async () => {
      const url = await sqs.queue();
      const abort = new AbortController();
      const gone = await sqs.poll(url, {}, abort.signal);
      const stays = await sqs.poll(url);
      const reason = new Error("gone");
      abort.abort(reason);
      await expect(gone.messages).rejects.toBe(reason);
      await sqs.waiting(url, 1);
      await sqs.send(url, "a");
      expect(await stays.messages).toMatchObject([{ Body: "a" }]);
    });

    it("leaves a message visible that comes after the only poll was aborted", async () => {
      const url = await sqs.queue();
      const abort = new AbortController();
      const gone = await sqs.poll(url, {}, abort.signal);
      abort.abort(new Error("gone"));
      await expect(gone.messages).rejects.toThrow("gone");
      await sqs.waiting(url, 0);
      await sqs.send(url, "a");
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
    });

    it("does nothing for a call that was aborted before it began", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const reason = new Error("changed my mind");
      const input = { QueueUrl: url, MaxNumberOfMessages: 10 };
      const options = { signal: AbortSignal.abort(reason) };
      await expect(sqs.api.call("ReceiveMessage", input, options)).rejects.toBe(reason);
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
    });

    it("wakes a poll when a visibility timeout runs out, with nobody calling", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.receiveOne(url, { VisibilityTimeout: 7 });
      const poll = await sqs.poll(url);
      await sqs.clock.advance(6999);
      expect(sqs.service.waitingReceives(url)).toBe(1);
      await sqs.clock.advance(1);
      expect(await poll.messages).toMatchObject([{ Body: "a" }]);
    });

    it("wakes a poll when a delay is over, with nobody calling", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a", { DelaySeconds: 4 });
      const poll = await sqs.poll(url);
      await sqs.clock.advance(4000);
      expect(await poll.messages).toMatchObject([{ Body: "a" }]);
    });

    it("wakes a poll for a message that becomes visible in the millisecond in which it ends", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a", { DelaySeconds: 20 });
      const poll = await sqs.poll(url);
      await sqs.clock.advance(20_000);
      expect(await poll.messages).toMatchObject([{ Body: "a" }]);
    });

    it("wakes a poll when a visibility timeout is changed to 0", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      const poll = await sqs.poll(url);
      await sqs.changeVisibility(url, handle, 0);
      expect(await poll.messages).toMatchObject([{ Body: "a" }]);
    });

    it("heeds a timeout that was shortened while a poll waits", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      const poll = await sqs.poll(url);
      await sqs.changeVisibility(url, handle, 2);
      await sqs.clock.advance(2000);
      expect(await poll.messages).toMatchObject([{ Body: "a" }]);
    });

    it("hands a message that is received with visibility 0 to each poll in turn", async () => {
      const url = await sqs.queue();
      const first = await sqs.poll(url, { VisibilityTimeout: 0 });
      const second = await sqs.poll(url);
      await sqs.send(url, "a");
      expect(await first.messages).toMatchObject([{ Body: "a" }]);
      await sqs.clock.advance(0);
      expect(await second.messages).toMatchObject([{ Body: "a" }]);
    });

    it("keeps polls of different queues apart", async () => {
      const orders = await sqs.queue("orders");
      const refunds = await sqs.queue("refunds");
      const poll = await sqs.poll(orders);
      await sqs.send(refunds, "r");
      expect(sqs.service.waitingReceives(orders)).toBe(1);
      expect(sqs.service.waitingReceives()).toBe(1);
      await sqs.send(orders, "o");
      expect(await poll.messages).toMatchObject([{ Body: "o" }]);
    });

    it("refuses the polls of a queue that is deleted", async () => {
      const url = await sqs.queue();
      const poll = await sqs.poll(url);
      await sqs.api.call("DeleteQueue", { QueueUrl: url });
      await refused(poll.messages, "QueueDoesNotExist");
    });

    it("holds no timer while nobody waits", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.send(url, "b", { DelaySeconds: 5 });
      await sqs.receiveOne(url);
      expect(sqs.clock.pendingTimers).toBe(0);
      const poll = await sqs.poll(url);
      expect(sqs.clock.pendingTimers).toBe(1);
      await sqs.clock.advance(5000);
      expect(await poll.messages).toMatchObject([{ Body: "b" }]);
      expect(sqs.clock.pendingTimers).toBe(0);
    });

    it("holds no timer after the last poll was aborted, whatever is in flight", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.receiveOne(url);
      const abort = new AbortController();
      const poll = await sqs.poll(url, {}, abort.signal);
      abort.abort(new Error("gone"));
      await expect(poll.messages).rejects.toThrow("gone");
      await sqs.waiting(url, 0);
      expect(sqs.clock.pendingTimers).toBe(0);
    });
  });
}
