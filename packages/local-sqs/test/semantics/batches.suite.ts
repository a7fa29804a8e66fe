/** What holds for ten entries at once, and for each of them alone. */
import { describe, expect, it } from "vitest";
import type { SendMessageBatchEntry } from "millrace";
import type { OpenBench } from "../bench.ts";
import { numbered, refused, useBench } from "./driver.ts";

export function batchesSuite(open: OpenBench): void {
  describe("batches", () => {
    const sqs = useBench(open);

    const sendAll = (
      url: string,
      entries: readonly SendMessageBatchEntry[],
    ): ReturnType<typeof sqs.api.call<"SendMessageBatch">> =>
      sqs.api.call("SendMessageBatch", { QueueUrl: url, Entries: entries });
    const bodies = (count: number): SendMessageBatchEntry[] =>
      numbered(count).map((body, index) => ({ Id: `${index}`, MessageBody: body }));

    it("send up to ten messages, in order", async () => {
      const url = await sqs.queue();
      const { Successful: sent, Failed: failed } = await sendAll(url, bodies(10));
      expect(failed ?? []).toEqual([]);
      expect(sent?.map(({ Id: id }) => id)).toEqual(bodies(10).map(({ Id: id }) => id));
      expect(new Set(sent?.map(({ MessageId: id }) => id)).size).toBe(10);
      expect(await sqs.bodies(url)).toEqual(numbered(10));
    });

    it("are refused as a whole when their entries are too few, too many, or named badly", async () => {
      const url = await sqs.queue();
      const named = (...ids: string[]): SendMessageBatchEntry[] =>
        ids.map((id) => ({ Id: id, MessageBody: "a" }));
      await refused(sendAll(url, []), "EmptyBatchRequest");
      await refused(sendAll(url, bodies(11)), "TooManyEntriesInBatchRequest");
      await refused(sendAll(url, named("a", "b", "a")), "BatchEntryIdsNotDistinct");
      for (const id of ["", "a b", "a.b", "ä", "a".repeat(81)]) {
        await refused(sendAll(url, named("ok", id)), "InvalidBatchEntryId");
      }
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
      const { Successful: sent } = await sendAll(url, named("a".repeat(80), "A-1_b"));
      expect(sent).toHaveLength(2);
    });

    it("of deletes and visibility changes have the same rules", async () => {
      const url = await sqs.queue();
      for (const [count, error] of [
        [0, "EmptyBatchRequest"],
        [11, "TooManyEntriesInBatchRequest"],
      ] as const) {
        const entries = bodies(count).map(({ Id: id }) => ({ Id: id, ReceiptHandle: "x" }));
        await refused(
          sqs.api.call("DeleteMessageBatch", { QueueUrl: url, Entries: entries }),
          error,
        );
        const changes = entries.map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
        await refused(
          sqs.api.call("ChangeMessageVisibilityBatch", { QueueUrl: url, Entries: changes }),
          error,
        );
      }
    });

    it("may have 1 MiB together, and no byte more", async () => {
      const url = await sqs.queue();
      const attributes = { n: { DataType: "String", StringValue: "v" } };
      const half = 1_048_576 / 2;
      const entries = (bytes: number): SendMessageBatchEntry[] => [
        { Id: "0", MessageBody: "a".repeat(half - 8), MessageAttributes: attributes },
        { Id: "1", MessageBody: "a".repeat(bytes) },
      ];
      await refused(sendAll(url, entries(half + 1)), "BatchRequestTooLong");
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
      const { Successful: sent } = await sendAll(url, entries(half));
      expect(sent).toHaveLength(2);
    });

    it("send the good entries when others are bad, and say whose fault it is", async () => {
      const url = await sqs.queue("orders", { MaximumMessageSize: "1024" });
      const answer = await sendAll(url, [
        { Id: "good", MessageBody: "a" },
        { Id: "illegal", MessageBody: "\u0000" },
        { Id: "long", MessageBody: "a".repeat(1025) },
        { Id: "late", MessageBody: "a", DelaySeconds: 901 },
        { Id: "too", MessageBody: "b" },
      ]);
      expect(answer.Successful?.map(({ Id: id }) => id)).toEqual(["good", "too"]);
      expect(answer.Failed).toMatchObject([
        { Id: "illegal", Code: "InvalidMessageContents", SenderFault: true },
        { Id: "long", Code: "InvalidParameterValue", SenderFault: true },
        { Id: "late", Code: "InvalidParameterValue", SenderFault: true },
      ]);
      expect(await sqs.bodies(url)).toEqual(["a", "b"]);
    });

    it("carry attributes and their digests for each entry", async () => {
      const url = await sqs.queue();
      const { Successful: sent } = await sendAll(url, [
        {
          Id: "0",
          MessageBody: "msg",
          MessageAttributes: { Hello: { DataType: "String", StringValue: "There" } },
        },
        { Id: "1", MessageBody: "msg" },
      ]);
      expect(sent?.[0]).toMatchObject({
        MD5OfMessageBody: "6e2baaf3b97dbeef01c0043275f9a0e7",
        MD5OfMessageAttributes: "a311262e065454b75da111d535b8dacd",
      });
      expect(sent?.[1]?.MD5OfMessageAttributes).toBeUndefined();
    });

    it("can hold two deliveries of one message", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: stale = "" } = await sqs.receiveOne(url, { VisibilityTimeout: 0 });
      const { ReceiptHandle: fresh = "" } = await sqs.receiveOne(url);
      const answer = await sqs.api.call("DeleteMessageBatch", {
        QueueUrl: url,
        Entries: [stale, fresh].map((handle, index) => ({ Id: `${index}`, ReceiptHandle: handle })),
      });
      expect(answer.Successful).toEqual([{ Id: "0" }, { Id: "1" }]);
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
    });
  });
}
