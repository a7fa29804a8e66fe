/** What a receipt handle is good for, and for how long. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { refused, useBench } from "./driver.ts";

export function receiptHandlesSuite(open: OpenBench): void {
  describe("receipt handles", () => {
    const sqs = useBench(open);

    it("deletes a message in flight for good", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.delete(url, handle);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
      await sqs.clock.advance(60_000);
      expect(await sqs.receive(url)).toEqual([]);
    });

    it("deletes the same message twice without complaint", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.delete(url, handle);
      await expect(sqs.delete(url, handle)).resolves.toBeUndefined();
    });

    it("gives another handle at each receive", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const first = await sqs.receiveOne(url, { VisibilityTimeout: 0 });
      const second = await sqs.receiveOne(url);
      expect(second.MessageId).toBe(first.MessageId);
      expect(second.ReceiptHandle).not.toBe(first.ReceiptHandle);
    });

    it("deletes a message whose timeout is over, as long as nobody else has received it", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.clock.advance(31_000);
      await sqs.delete(url, handle);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });

    it("says yes to a delete with a stale handle, and deletes nothing", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const stale = await sqs.receiveOne(url);
      await sqs.clock.advance(30_000);
      const fresh = await sqs.receiveOne(url);
      await sqs.delete(url, stale.ReceiptHandle);
      expect(await sqs.counts(url)).toEqual([0, 1, 0]);
      await sqs.delete(url, fresh.ReceiptHandle);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });

    it("refuses to change visibility with a stale handle", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const stale = await sqs.receiveOne(url);
      await sqs.clock.advance(30_000);
      await sqs.receiveOne(url);
      await refused(sqs.changeVisibility(url, stale.ReceiptHandle, 0), "InvalidParameterValue");
      expect(await sqs.counts(url)).toEqual([0, 1, 0]);
    });

    it("refuses to change the visibility of a message that was deleted", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.delete(url, handle);
      await refused(sqs.changeVisibility(url, handle, 10), "InvalidParameterValue");
    });

    it("refuses junk, and a handle that was tampered with", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle = "" } = await sqs.receiveOne(url);
      const tampered = [
        "junk",
        "AQEBjunk",
        "MbZj6wDWli+JvwwJaBV+3dcjk2YW2vA3+STFFljTM8tJJg6HRG6PYSasuWXPJB+CwLj1FjgXUv1uSj1gUPAWV66FU",
        handle.slice(1),
        handle.slice(0, -1),
        `${handle}=`,
        handle.toUpperCase(),
        handle.replace(/1(?===$)/, "2"),
      ];
      for (const each of tampered) {
        await refused(sqs.delete(url, each), "ReceiptHandleIsInvalid");
        await refused(sqs.changeVisibility(url, each, 0), "ReceiptHandleIsInvalid");
      }
      expect(await sqs.counts(url)).toEqual([0, 1, 0]);
    });

    it("refuses a handle of another queue", async () => {
      const orders = await sqs.queue("orders");
      const refunds = await sqs.queue("refunds");
      await sqs.send(orders, "a");
      await sqs.send(refunds, "b");
      await sqs.receiveOne(refunds);
      const { ReceiptHandle: handle } = await sqs.receiveOne(orders);
      await refused(sqs.delete(refunds, handle), "ReceiptHandleIsInvalid");
      expect(await sqs.counts(refunds)).toEqual([0, 1, 0]);
    });

    it("refuses a handle of the deleted namesake of a queue", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.api.call("DeleteQueue", { QueueUrl: url });
      await sqs.clock.advance(60_000);
      await sqs.queue();
      await refused(sqs.delete(url, handle), "ReceiptHandleIsInvalid");
    });

    it("wants a handle at all", async () => {
      const url = await sqs.queue();
      await refused(sqs.delete(url, ""), "MissingParameter");
    });

    it("deletes several in a batch, and tells which it could not", async () => {
      const url = await sqs.queue();
      for (const body of ["a", "b"]) await sqs.send(url, body);
      const [a, b] = await sqs.receive(url);
      const answer = await sqs.api.call("DeleteMessageBatch", {
        QueueUrl: url,
        Entries: [a, { ReceiptHandle: "junk" }, b].map((message, index) => ({
          Id: `${index}`,
          ReceiptHandle: message?.ReceiptHandle ?? "",
        })),
      });
      expect(answer.Successful).toEqual([{ Id: "0" }, { Id: "2" }]);
      expect(answer.Failed).toMatchObject([
        { Id: "1", Code: "ReceiptHandleIsInvalid", SenderFault: true },
      ]);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });
  });
}
