/** How long a received message stays with its receiver. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { refused, useBench } from "./driver.ts";

const hour = 3_600_000;

export function visibilitySuite(open: OpenBench): void {
  describe("visibility", () => {
    const sqs = useBench(open);

    it("hides a message for 30 s unless told otherwise", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.receiveOne(url);
      expect(await sqs.counts(url)).toEqual([0, 1, 0]);
      await sqs.clock.advance(29_999);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.clock.advance(1);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("takes the queue's timeout, and the receive's over it", async () => {
      const url = await sqs.queue("orders", { VisibilityTimeout: "5" });
      await sqs.send(url, "a");
      await sqs.send(url, "b");
      await sqs.receiveOne(url);
      await sqs.receiveOne(url, { VisibilityTimeout: 9 });
      await sqs.clock.advance(5000);
      expect(await sqs.bodies(url, { VisibilityTimeout: 60 })).toEqual(["a"]);
      await sqs.clock.advance(4000);
      expect(await sqs.bodies(url)).toEqual(["b"]);
    });

    it("expires by itself, with nobody polling", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.receiveOne(url);
      await sqs.clock.advance(30_000);
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
    });

    it("counts a changed timeout from the change", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.clock.advance(25_000);
      await sqs.changeVisibility(url, handle, 10);
      await sqs.clock.advance(9999);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.clock.advance(1);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("shows a message at once when its timeout is changed to 0", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.changeVisibility(url, handle, 0);
      expect(await sqs.counts(url)).toEqual([1, 0, 0]);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("does not remember a change at the next receive", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.changeVisibility(url, handle, 300);
      await sqs.clock.advance(300_000);
      await sqs.receiveOne(url);
      await sqs.clock.advance(30_000);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("refuses, rather than clamps, what would be more than 12 hours since the receive", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url, { VisibilityTimeout: 43_200 });
      await sqs.clock.advance(hour);
      const extend = sqs.changeVisibility(url, handle, 43_200);
      const error = await refused(extend, "InvalidParameterValue");
      expect(error.message).toContain("beyond the limit [43200 seconds]");
      await sqs.changeVisibility(url, handle, 43_200 - 3600);
      await sqs.clock.advance(11 * hour - 1);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.clock.advance(1);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("counts the 12 hours anew from each receive", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.receiveOne(url, { VisibilityTimeout: 43_200 });
      await sqs.clock.advance(12 * hour);
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.changeVisibility(url, handle, 43_200);
      expect(await sqs.counts(url)).toEqual([0, 1, 0]);
    });

    it("refuses to change the visibility of a message whose timeout is over", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.clock.advance(30_000);
      await refused(sqs.changeVisibility(url, handle, 10), "MessageNotInflight");
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("hands a message with visibility 0 out only once in one receive", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      expect(await sqs.bodies(url, { VisibilityTimeout: 0 })).toEqual(["a"]);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it("puts a message that comes back behind those that wait already", async () => {
      const url = await sqs.queue();
      for (const body of ["a", "b", "c"]) await sqs.send(url, body);
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.changeVisibility(url, handle, 0);
      expect(await sqs.bodies(url)).toEqual(["b", "c", "a"]);
    });

    it("changes several in a batch, and tells which could not be changed", async () => {
      const url = await sqs.queue();
      for (const body of ["a", "b"]) await sqs.send(url, body);
      const [a, b] = await sqs.receive(url);
      await sqs.delete(url, b?.ReceiptHandle);
      const answer = await sqs.api.call("ChangeMessageVisibilityBatch", {
        QueueUrl: url,
        Entries: [a, b, { ReceiptHandle: "junk" }, a].map((message, index) => ({
          Id: `${index}`,
          ReceiptHandle: message?.ReceiptHandle ?? "",
          VisibilityTimeout: index === 3 ? 43_201 : 0,
        })),
      });
      expect(answer.Successful).toEqual([{ Id: "0" }]);
      expect(answer.Failed).toMatchObject([
        { Id: "1", Code: "InvalidParameterValue", SenderFault: true },
        { Id: "2", Code: "ReceiptHandleIsInvalid", SenderFault: true },
        { Id: "3", Code: "InvalidParameterValue", SenderFault: true },
      ]);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });
  });
}
