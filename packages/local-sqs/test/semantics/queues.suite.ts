/** Queues themselves: their making, their attributes, their end. */
import { describe, expect, it } from "vitest";
import type { OpenBench } from "../bench.ts";
import { numbered, refused, useBench } from "./driver.ts";

const start = Date.UTC(2026, 0, 1) / 1000;

export function queuesSuite(open: OpenBench): void {
  describe("creating a queue", () => {
    const sqs = useBench(open);

    it("gives a URL of account and name, which is found again by name", async () => {
      const url = await sqs.queue("orders");
      expect(new URL(url).pathname).toBe("/000000000000/orders");
      expect(await sqs.api.call("GetQueueUrl", { QueueName: "orders" })).toMatchObject({
        QueueUrl: url,
      });
      await refused(sqs.api.call("GetQueueUrl", { QueueName: "Orders" }), "QueueDoesNotExist");
      await refused(
        sqs.api.call("GetQueueUrl", {
          QueueName: "orders",
          QueueOwnerAWSAccountId: "111111111111",
        }),
        "QueueDoesNotExist",
      );
    });

    it("gives the queue that is there when nothing asked for differs", async () => {
      const url = await sqs.queue("orders", { VisibilityTimeout: "7", DelaySeconds: "1" });
      expect(await sqs.queue("orders")).toBe(url);
      expect(await sqs.queue("orders", { DelaySeconds: "1" })).toBe(url);
      expect(await sqs.queue("orders", { DelaySeconds: "1", VisibilityTimeout: "7" })).toBe(url);
      const different = sqs.queue("orders", { DelaySeconds: "1", VisibilityTimeout: "8" });
      const error = await refused(different, "QueueNameExists");
      expect(error.message).toContain("VisibilityTimeout");
      await sqs.setAttributes(url, { VisibilityTimeout: "8" });
      expect(await sqs.queue("orders", { VisibilityTimeout: "8" })).toBe(url);
    });

    it.each(["a", "A-b_9", "a".repeat(80)])("takes the name %s", async (name) => {
      await expect(sqs.queue(name)).resolves.toContain(`/${name}`);
    });

    it.each(["a b", "ä", "a.b", "a.fifo", "a/b", "a".repeat(81)])(
      "refuses the name %s",
      async (name) => {
        await refused(sqs.queue(name), "InvalidParameterValue");
      },
    );

    it("wants .fifo at the end of a FIFO queue's name, and FifoQueue for such a name", async () => {
      await sqs.fifo(`${"a".repeat(75)}.fifo`);
      await refused(sqs.fifo("orders"), "InvalidParameterValue");
      await refused(sqs.fifo(".fifo"), "InvalidParameterValue");
      await refused(sqs.fifo(`${"a".repeat(76)}.fifo`), "InvalidParameterValue");
      await refused(sqs.queue("orders", { FifoQueue: "false" }), "InvalidAttributeName");
    });

    it("waits a minute after a queue of the name was deleted", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.api.call("DeleteQueue", { QueueUrl: url });
      await refused(sqs.send(url, "b"), "QueueDoesNotExist");
      await refused(sqs.queue(), "QueueDeletedRecently");
      await sqs.clock.advance(59_999);
      await refused(sqs.queue(), "QueueDeletedRecently");
      await sqs.clock.advance(1);
      expect(await sqs.receive(await sqs.queue())).toEqual([]);
    });
  });

  describe("queue attributes", () => {
    const sqs = useBench(open);

    it("of a standard queue have AWS's defaults", async () => {
      const url = await sqs.queue();
      expect(await sqs.attributes(url, ["All"])).toEqual({
        QueueArn: "arn:aws:sqs:us-east-1:000000000000:orders",
        ApproximateNumberOfMessages: "0",
        ApproximateNumberOfMessagesNotVisible: "0",
        ApproximateNumberOfMessagesDelayed: "0",
        CreatedTimestamp: String(start),
        LastModifiedTimestamp: String(start),
        VisibilityTimeout: "30",
        MaximumMessageSize: "1048576",
        MessageRetentionPeriod: "345600",
        DelaySeconds: "0",
        ReceiveMessageWaitTimeSeconds: "0",
        SqsManagedSseEnabled: "true",
      });
    });

    it("of a FIFO queue have a few more", async () => {
      const url = await sqs.fifo();
      expect(await sqs.attributes(url, ["All"])).toMatchObject({
        FifoQueue: "true",
        ContentBasedDeduplication: "false",
        DeduplicationScope: "queue",
        FifoThroughputLimit: "perQueue",
      });
    });

    it("come as asked for, and none when none is", async () => {
      const url = await sqs.queue();
      expect(await sqs.attributes(url, ["VisibilityTimeout", "DelaySeconds"])).toEqual({
        VisibilityTimeout: "30",
        DelaySeconds: "0",
      });
      expect(await sqs.attributes(url, [])).toEqual({});
      expect(await sqs.attributes(url, ["FifoQueue"])).toEqual({});
      await refused(sqs.attributes(url, ["Foo"]), "InvalidAttributeName");
    });

    it("count messages by state", async () => {
      const url = await sqs.queue();
      for (const body of numbered(5)) await sqs.send(url, body);
      await sqs.send(url, "late", { DelaySeconds: 5 });
      await sqs.receive(url, { MaxNumberOfMessages: 2 });
      expect(await sqs.counts(url)).toEqual([3, 2, 1]);
      await sqs.clock.advance(5000);
      expect(await sqs.counts(url)).toEqual([4, 2, 0]);
      await sqs.clock.advance(25_000);
      expect(await sqs.counts(url)).toEqual([6, 0, 0]);
    });

    it("can be changed, and hold at once", async () => {
      const url = await sqs.queue();
      await sqs.clock.advance(10_000);
      await sqs.setAttributes(url, { VisibilityTimeout: "3" });
      expect(await sqs.attributes(url, ["VisibilityTimeout", "LastModifiedTimestamp"])).toEqual({
        VisibilityTimeout: "3",
        LastModifiedTimestamp: String(start + 10),
      });
      await sqs.send(url, "a");
      await sqs.receiveOne(url);
      await sqs.clock.advance(3000);
      expect(await sqs.bodies(url)).toEqual(["a"]);
    });

    it.each([
      ["DelaySeconds", "0", "900", "901"],
      ["MaximumMessageSize", "1024", "1048576", "1048577"],
      ["MaximumMessageSize", "1024", "1048576", "1023"],
      ["MessageRetentionPeriod", "60", "1209600", "1209601"],
      ["MessageRetentionPeriod", "60", "1209600", "59"],
      ["ReceiveMessageWaitTimeSeconds", "0", "20", "21"],
      ["VisibilityTimeout", "0", "43200", "43201"],
      ["VisibilityTimeout", "0", "43200", "-1"],
      ["VisibilityTimeout", "0", "43200", "1.5"],
      ["VisibilityTimeout", "0", "43200", "ten"],
      ["VisibilityTimeout", "0", "43200", ""],
      ["SqsManagedSseEnabled", "true", "false", "yes"],
    ])("%s may be %s and %s, not '%s'", async (name, low, high, bad) => {
      const url = await sqs.queue();
      await sqs.setAttributes(url, { [name]: low });
      await sqs.setAttributes(url, { [name]: high });
      await refused(sqs.setAttributes(url, { [name]: bad }), "InvalidAttributeValue");
      await refused(sqs.queue("other", { [name]: bad }), "InvalidAttributeValue");
      expect(await sqs.attribute(url, name)).toBe(high);
    });

    it("that do not exist, that cannot be set, or are of FIFO queues are refused", async () => {
      const url = await sqs.queue();
      for (const name of [
        "Foo",
        "QueueArn",
        "ApproximateNumberOfMessages",
        "FifoQueue",
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoThroughputLimit",
      ]) {
        await refused(sqs.setAttributes(url, { [name]: "true" }), "InvalidAttributeName");
      }
    });

    it("of a FIFO queue keep it one, and allow throughput a group only with that scope", async () => {
      const url = await sqs.fifo();
      await sqs.setAttributes(url, { FifoQueue: "true" });
      await refused(sqs.setAttributes(url, { FifoQueue: "false" }), "InvalidAttributeValue");
      const perGroup = { FifoThroughputLimit: "perMessageGroupId" };
      await refused(sqs.setAttributes(url, perGroup), "InvalidAttributeValue");
      await sqs.setAttributes(url, { ...perGroup, DeduplicationScope: "messageGroup" });
      expect(await sqs.attribute(url, "FifoThroughputLimit")).toBe("perMessageGroupId");
      await refused(
        sqs.setAttributes(url, { DeduplicationScope: "everything" }),
        "InvalidAttributeValue",
      );
    });

    it("know one kind of encryption at a time", async () => {
      const url = await sqs.queue();
      await sqs.setAttributes(url, { KmsMasterKeyId: "alias/mine" });
      expect(await sqs.attributes(url, ["KmsMasterKeyId", "SqsManagedSseEnabled"])).toEqual({
        KmsMasterKeyId: "alias/mine",
        SqsManagedSseEnabled: "false",
      });
      await refused(
        sqs.setAttributes(url, { SqsManagedSseEnabled: "true" }),
        "InvalidAttributeName",
      );
    });

    it("keep a policy as it is written, until it is emptied", async () => {
      const url = await sqs.queue();
      const policy = '{ "Version": "2012-10-17" }';
      await sqs.setAttributes(url, { Policy: policy });
      expect(await sqs.attribute(url, "Policy")).toBe(policy);
      await refused(sqs.setAttributes(url, { Policy: "{" }), "InvalidAttributeValue");
      await sqs.setAttributes(url, { Policy: "" });
      expect(await sqs.attributes(url, ["Policy"])).toEqual({});
    });
  });

  describe("listing queues", () => {
    const sqs = useBench(open);

    it("finds them by the beginning of their names", async () => {
      expect((await sqs.api.call("ListQueues", {})).QueueUrls ?? []).toEqual([]);
      const urls = [await sqs.queue("orders-a"), await sqs.queue("orders-b")];
      await sqs.queue("refunds");
      const { QueueUrls: found } = await sqs.api.call("ListQueues", { QueueNamePrefix: "orders" });
      expect(found).toEqual(urls);
      expect((await sqs.api.call("ListQueues", {})).QueueUrls).toHaveLength(3);
      const nothing = await sqs.api.call("ListQueues", { QueueNamePrefix: "x" });
      expect(nothing.QueueUrls ?? []).toEqual([]);
    });

    it("goes page by page where a size is given", async () => {
      const names = numbered(5, "q");
      for (const name of names) await sqs.queue(name);
      const seen: string[] = [];
      const sizes: number[] = [];
      let token: string | undefined;
      do {
        const page = await sqs.api.call("ListQueues", { MaxResults: 2, NextToken: token });
        sizes.push(page.QueueUrls?.length ?? 0);
        seen.push(...(page.QueueUrls ?? []).map((url) => url.slice(url.lastIndexOf("/") + 1)));
        token = page.NextToken;
      } while (token !== undefined);
      expect(seen).toEqual(names);
      expect(sizes).toEqual([2, 2, 1]);
      const all = await sqs.api.call("ListQueues", {});
      expect(all.NextToken).toBeUndefined();
      await refused(sqs.api.call("ListQueues", { MaxResults: 1001 }), "InvalidParameterValue");
      const junk = sqs.api.call("ListQueues", { MaxResults: 2, NextToken: "~" });
      await refused(junk, "InvalidParameterValue");
    });
  });

  describe("purging", () => {
    const sqs = useBench(open);

    it("deletes all messages, those in flight and delayed too", async () => {
      const url = await sqs.queue();
      for (const body of ["a", "b"]) await sqs.send(url, body);
      await sqs.send(url, "late", { DelaySeconds: 5 });
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await sqs.api.call("PurgeQueue", { QueueUrl: url });
      expect(await sqs.counts(url)).toEqual([0, 0, 0]);
      await sqs.delete(url, handle);
      await sqs.clock.advance(30_000);
      expect(await sqs.receive(url)).toEqual([]);
      await sqs.send(url, "after");
      expect(await sqs.bodies(url)).toEqual(["after"]);
    });

    it("is allowed once a minute", async () => {
      const url = await sqs.queue();
      const other = await sqs.queue("other");
      await sqs.api.call("PurgeQueue", { QueueUrl: url });
      await sqs.clock.advance(59_999);
      await refused(sqs.api.call("PurgeQueue", { QueueUrl: url }), "PurgeQueueInProgress");
      await sqs.api.call("PurgeQueue", { QueueUrl: other });
      await sqs.clock.advance(1);
      await sqs.api.call("PurgeQueue", { QueueUrl: url });
    });

    it("empties a FIFO queue whose groups were held up", async () => {
      const url = await sqs.fifo();
      await sqs.sendTo(url, "g", "a");
      await sqs.receiveOne(url);
      await sqs.api.call("PurgeQueue", { QueueUrl: url });
      await sqs.sendTo(url, "g", "b");
      expect(await sqs.bodies(url)).toEqual(["b"]);
    });
  });

  describe("tags", () => {
    const sqs = useBench(open);

    it("are set, overwritten and taken away", async () => {
      const { QueueUrl: url = "" } = await sqs.api.call("CreateQueue", {
        QueueName: "orders",
        tags: { team: "blue" },
      });
      const tags = async (): Promise<object> =>
        (await sqs.api.call("ListQueueTags", { QueueUrl: url })).Tags ?? {};
      expect(await tags()).toEqual({ team: "blue" });
      await sqs.api.call("TagQueue", { QueueUrl: url, Tags: { team: "red", Team: "", x: "y" } });
      expect(await tags()).toEqual({ team: "red", Team: "", x: "y" });
      await sqs.api.call("UntagQueue", { QueueUrl: url, TagKeys: ["team", "x", "none"] });
      expect(await tags()).toEqual({ Team: "" });
      await sqs.api.call("UntagQueue", { QueueUrl: url, TagKeys: ["Team"] });
      expect(await tags()).toEqual({});
    });

    it("are fifty at most", async () => {
      const url = await sqs.queue();
      const tags = Object.fromEntries(numbered(50).map((key) => [key, "v"]));
      await sqs.api.call("TagQueue", { QueueUrl: url, Tags: tags });
      const more = sqs.api.call("TagQueue", { QueueUrl: url, Tags: { one: "more" } });
      await refused(more, "InvalidParameterValue");
    });
  });
}
