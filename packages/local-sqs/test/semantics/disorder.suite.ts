/** What a standard queue may do to its users, done on purpose. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import type { OpenBench } from "../bench.ts";
import { numbered, useBench } from "./driver.ts";
import type { Driver } from "./driver.ts";

async function drain(sqs: Driver, url: string): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const bodies = await sqs.bodies(url, { VisibilityTimeout: 3600 });
    if (bodies.length === 0) return seen;
    seen.push(...bodies);
  }
}

export function disorderSuite(open: OpenBench): void {
  describe("a standard queue that may reorder", () => {
    const sqs = useBench(open, { reorder: true, random: seededRandom(7) });

    it("hands out every message once, in another order", async () => {
      const url = await sqs.queue();
      for (const body of numbered(60)) await sqs.send(url, body);
      const seen = await drain(sqs, url);
      expect(seen).not.toEqual(numbered(60));
      expect(seen.toSorted()).toEqual(numbered(60).toSorted());
    });

    it("keeps FIFO queues in order", async () => {
      const url = await sqs.fifo();
      for (const body of numbered(30)) await sqs.sendTo(url, "g", body);
      const seen: (string | undefined)[] = [];
      while (seen.length < 30) {
        for (const message of await sqs.receive(url)) {
          seen.push(message.Body);
          await sqs.delete(url, message.ReceiptHandle);
        }
      }
      expect(seen).toEqual(numbered(30));
    });
  });

  describe("a standard queue that delivers twice", () => {
    const sqs = useBench(open, { duplicateRate: 1, random: seededRandom(7) });

    it("delivers each message a second time, under a handle of its own", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const [first, second] = await sqs.receive(url, { AttributeNames: ["All"] });
      expect(second?.MessageId).toBe(first?.MessageId);
      expect(second?.Attributes).toEqual(first?.Attributes);
      expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle);
      expect(await sqs.receive(url)).toEqual([]);
    });

    it("may do so after the message was deleted", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const first = await sqs.receiveOne(url);
      await sqs.delete(url, first.ReceiptHandle);
      const second = await sqs.receiveOne(url);
      expect(second.MessageId).toBe(first.MessageId);
      await sqs.delete(url, second.ReceiptHandle);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });

    it("keeps the message when only the second delivery was deleted", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.receiveOne(url);
      const second = await sqs.receiveOne(url);
      await sqs.delete(url, second.ReceiptHandle);
      await sqs.clock.advance(30_000);
      expect((await sqs.receive(url)).length).toBeGreaterThan(0);
    });

    it("forgets a second delivery that nobody settled", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const first = await sqs.receiveOne(url, { VisibilityTimeout: 60 });
      await sqs.receiveOne(url, { VisibilityTimeout: 10 });
      await sqs.clock.advance(10_000);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.delete(url, first.ReceiptHandle);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });

    it("wakes a second poll with it", async () => {
      const url = await sqs.queue();
      const polls = [
        await sqs.poll(url, { MaxNumberOfMessages: 1 }),
        await sqs.poll(url, { MaxNumberOfMessages: 1 }),
      ];
      await sqs.send(url, "a");
      for (const { messages } of polls) expect(await messages).toMatchObject([{ Body: "a" }]);
    });

    it("never does so on FIFO queues", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      expect(await sqs.receive(url)).toHaveLength(1);
    });
  });

  describe("a standard queue that delivers some twice", () => {
    const sqs = useBench(open, { duplicateRate: 0.2, random: seededRandom(1) });

    it("delivers about that share of them", async () => {
      const url = await sqs.queue();
      for (const body of numbered(200)) await sqs.send(url, body);
      const seen = await drain(sqs, url);
      expect(new Set(seen).size).toBe(200);
      expect(seen.length).toBeGreaterThan(220);
      expect(seen.length).toBeLessThan(260);
    });
  });
}
