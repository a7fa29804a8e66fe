/** When a message comes, and when it goes by itself. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { useBench } from "./driver.ts";

const day = 86_400_000;

export function delaysAndRetentionSuite(open: OpenBench): void {
  describe("delays", () => {
    const sqs = useBench(open);

    it("keeps a delayed message back for its delay", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "late", { DelaySeconds: 10 });
      await sqs.send(url, "early");
      expect(await sqs.counts(url)).toEqual([1, 0, 1]);
      expect(await sqs.bodies(url)).toEqual(["early"]);
      await sqs.clock.advance(9999);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.clock.advance(1);
      expect(await sqs.bodies(url)).toEqual(["late"]);
    });

    it("delays every message of a queue with a delay, but for those that say otherwise", async () => {
      const url = await sqs.queue("orders", { DelaySeconds: "10" });
      await sqs.send(url, "queue's");
      await sqs.send(url, "own", { DelaySeconds: 3 });
      await sqs.send(url, "none", { DelaySeconds: 0 });
      expect(await sqs.bodies(url)).toEqual(["none"]);
      await sqs.clock.advance(3000);
      expect(await sqs.bodies(url)).toEqual(["own"]);
      await sqs.clock.advance(7000);
      expect(await sqs.bodies(url)).toEqual(["queue's"]);
    });

    it("leaves messages in a standard queue as they are when its delay is changed", async () => {
      const url = await sqs.queue("orders", { DelaySeconds: "10" });
      await sqs.send(url, "a");
      await sqs.setAttributes(url, { DelaySeconds: "0" });
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.clock.advance(10_000);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("applies a changed delay to messages in a FIFO queue", async () => {
      const url = await sqs.fifo("orders.fifo", { DelaySeconds: "10" });
      await sqs.sendTo(url, "g", "a");
      await sqs.setAttributes(url, { DelaySeconds: "0" });
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
      await sqs.setAttributes(url, { DelaySeconds: "20" });
      expect(await sqs.counts(url)).toEqual([0, 0, 1]);
      await sqs.clock.advance(20_000);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });
  });

  describe("retention", () => {
    const sqs = useBench(open);

    it("drops a message after four days unless told otherwise", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.clock.advance(4 * day - 1);
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
      await sqs.clock.advance(1);
      expect(await sqs.receive(url)).toEqual([]);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });

    it("takes the queue's period, and drops what is in flight or delayed as well", async () => {
      const url = await sqs.queue("orders", { MessageRetentionPeriod: "60" });
      await sqs.send(url, "in flight");
      await sqs.receiveOne(url, { VisibilityTimeout: 600 });
      await sqs.send(url, "delayed", { DelaySeconds: 600 });
      await sqs.clock.advance(59_000);
      await sqs.send(url, "younger");
      await sqs.clock.advance(1000);
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
      expect(await sqs.bodies(url)).toEqual(["younger"]);
    });

    it("applies a changed period to the messages that are there", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.clock.advance(100_000);
      await sqs.send(url, "b");
      await sqs.setAttributes(url, { MessageRetentionPeriod: "60" });
      expect(await sqs.bodies(url)).toEqual(["b"]);
    });

    it("lets a FIFO group go on when the message that held it up is dropped", async () => {
      const url = await sqs.fifo("orders.fifo", { MessageRetentionPeriod: "60" });
      await sqs.sendTo(url, "g", "a");
      await sqs.clock.advance(50_000);
      await sqs.receiveOne(url, { VisibilityTimeout: 600 });
      await sqs.sendTo(url, "g", "b");
      const poll = await sqs.poll(url);
      await sqs.clock.advance(10_000);
      expect(await poll.messages).toMatchObject([{ Body: "b" }]);
    });
  });
}
