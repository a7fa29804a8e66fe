/** What happens when too much is in flight. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { numbered, refused, useBench } from "./driver.ts";

export function inFlightLimitSuite(open: OpenBench): void {
  describe("the in-flight limit", () => {
    const sqs = useBench(open, { inFlightLimit: 3 });

    it("lets a receive have what is left of it", async () => {
      const url = await sqs.queue();
      for (const body of numbered(5)) await sqs.send(url, body);
      expect(await sqs.bodies(url)).toEqual(["m0", "m1", "m2"]);
      expect(await sqs.counts(url)).toEqual([2, 3, 0]);
    });

    it("refuses a short poll of a standard queue", async () => {
      const url = await sqs.queue();
      for (const body of numbered(4)) await sqs.send(url, body);
      await sqs.receive(url);
      await refused(sqs.receive(url), "OverLimit");
    });

    it("is silent on a long poll, which waits and goes empty", async () => {
      const url = await sqs.queue();
      for (const body of numbered(4)) await sqs.send(url, body);
      await sqs.receive(url, { VisibilityTimeout: 600 });
      const poll = await sqs.poll(url);
      await sqs.clock.advance(20_000);
      expect(await poll.messages).toEqual([]);
    });

    it("lets a long poll go on when a message is deleted, or comes back", async () => {
      const url = await sqs.queue();
      for (const body of numbered(5)) await sqs.send(url, body);
      const [first] = await sqs.receive(url, { VisibilityTimeout: 10 });
      const poll = await sqs.poll(url);
      await sqs.delete(url, first?.ReceiptHandle);
      expect(await poll.messages).toMatchObject([{ Body: "m3" }]);
      const next = await sqs.poll(url);
      await sqs.clock.advance(10_000);
      expect(await next.messages).toMatchObject([{ Body: "m4" }, { Body: "m1" }]);
    });

    it("is silent on a FIFO queue, even on a short poll", async () => {
      const url = await sqs.fifo();
      for (const body of numbered(4)) await sqs.sendTo(url, body, body);
      expect(await sqs.receive(url)).toHaveLength(3);
      expect(await sqs.receive(url)).toEqual([]);
    });

    it("is each queue's own", async () => {
      const url = await sqs.queue();
      const other = await sqs.queue("other");
      for (const body of numbered(3)) await sqs.send(url, body);
      await sqs.receive(url);
      await sqs.send(other, "a");
      expect(await sqs.bodies(other)).toEqual(["a"]);
    });
  });
}
