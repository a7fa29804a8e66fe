/** What SQS takes, to the last byte, and what it refuses. */
import { describe, expect, it } from "vitest";
import type { MessageAttributeValue, SendMessageInput } from "millrace";
import type { OpenBench } from "../bench.ts";
import { numbered, refused, useBench } from "./driver.ts";

const mebibyte = 1_048_576;

export function limitsSuite(open: OpenBench): void {
  describe("bodies", () => {
    const sqs = useBench(open);

    it("may hold every legal character, emoji among them", async () => {
      const url = await sqs.queue();
      const body = "\t\n\r ~\u007F\u0085\uD7FF\uE000\uFFFD\u{10000}😀👩‍👩‍👧\u{10FFFF}";
      await sqs.send(url, body);
      expect(await sqs.bodies(url)).toEqual([body]);
    });

    it.each(["\u0000", "\u0008", "\u000B", "\u000C", "\u001F", "\uFFFE", "\uFFFF"])(
      "may not hold %j",
      async (character) => {
        const url = await sqs.queue();
        await refused(sqs.send(url, `a${character}b`), "InvalidMessageContents");
        expect(await sqs.counts(url)).toEqual([0, 0, 0]);
      },
    );

    it("must not be empty", async () => {
      const url = await sqs.queue();
      await refused(sqs.send(url, ""), "MissingParameter");
    });

    it("may have 1 MiB, attributes included, and no byte more", async () => {
      const url = await sqs.queue();
      const attributes = { name: { DataType: "String", StringValue: "value" } };
      const room = mebibyte - "name".length - "String".length - "value".length;
      await sqs.send(url, "a".repeat(mebibyte));
      await sqs.send(url, "a".repeat(room), { MessageAttributes: attributes });
      await refused(sqs.send(url, "a".repeat(mebibyte + 1)), "InvalidParameterValue");
      const long = "a".repeat(room + 1);
      await refused(
        sqs.send(url, long, { MessageAttributes: attributes }),
        "InvalidParameterValue",
      );
      await refused(sqs.send(url, "é".repeat(mebibyte / 2) + "a"), "InvalidParameterValue");
      expect(await sqs.counts(url)).toEqual([2, 0, 0]);
    });

    it("may have less where the queue says so", async () => {
      const url = await sqs.queue("orders", { MaximumMessageSize: "1024" });
      await sqs.send(url, "a".repeat(1024));
      const error = await refused(sqs.send(url, "a".repeat(1025)), "InvalidParameterValue");
      expect(error.message).toContain("1024 bytes");
    });
  });

  describe("attributes of messages", () => {
    const sqs = useBench(open);

    const send = async (name: string, value: MessageAttributeValue): Promise<unknown> =>
      sqs.send(await sqs.queue(), "a", { MessageAttributes: { [name]: value } });
    const text: MessageAttributeValue = { DataType: "String", StringValue: "x" };

    it("may be ten, not eleven", async () => {
      const url = await sqs.queue();
      const attributes = (count: number): Pick<SendMessageInput, "MessageAttributes"> => ({
        MessageAttributes: Object.fromEntries(numbered(count).map((name) => [name, text])),
      });
      await sqs.send(url, "a", attributes(10));
      await refused(sqs.send(url, "a", attributes(11)), "InvalidParameterValue");
    });

    it.each(["a", "A-1_b.c", "a".repeat(256), "AWSomething", "amazonian"])(
      "may be called %s",
      async (name) => {
        await expect(send(name, text)).resolves.toBeDefined();
      },
    );

    it.each(["", "a b", "ä", ".a", "a.", "a..b", "AWS.a", "aws.a", "Amazon.a", "a".repeat(257)])(
      "may not be called '%s'",
      async (name) => {
        await refused(send(name, text), "InvalidParameterValue");
      },
    );

    it.each(["String", "Number", "Binary", "String.x", "Number.int", `String.${"x".repeat(249)}`])(
      "may be of type %s",
      async (type) => {
        const value = type.startsWith("Binary")
          ? { BinaryValue: Uint8Array.of(1) }
          : { StringValue: "1" };
        await expect(send("a", { DataType: type, ...value })).resolves.toBeDefined();
      },
    );

    it.each(["", "string", "Text", "StringList", "Stringx", `String.${"x".repeat(250)}`])(
      "may not be of type '%s'",
      async (type) => {
        await refused(send("a", { DataType: type, StringValue: "1" }), "InvalidParameterValue");
      },
    );

    it.each(["0", "-1", "+1", "1.5", ".5", "1.", "1e10", "1E-128", "9".repeat(38)])(
      "may be the number %s",
      async (number) => {
        await expect(send("a", { DataType: "Number", StringValue: number })).resolves.toBeDefined();
      },
    );

    it.each(["x", "1,5", "0x10", "1 000", "NaN", "Infinity", "1e127", "1e-129", "9".repeat(39)])(
      "may not be the number %s",
      async (number) => {
        await refused(
          send("a", { DataType: "Number", StringValue: number }),
          "InvalidParameterValue",
        );
      },
    );

    it.each([
      { DataType: "String" },
      { DataType: "String", StringValue: "" },
      { DataType: "String", BinaryValue: Uint8Array.of(1) },
      { DataType: "Binary" },
      { DataType: "Binary", BinaryValue: new Uint8Array() },
      { DataType: "Binary", StringValue: "1" },
      { DataType: "String", StringValue: "\u0000" },
    ])("need the value of their type: %j", async (value) => {
      await refused(send("a", value), "InvalidParameterValue");
    });
  });

  describe("parameters", () => {
    const sqs = useBench(open);

    it.each([
      { MaxNumberOfMessages: 0 },
      { MaxNumberOfMessages: 11 },
      { WaitTimeSeconds: -1 },
      { WaitTimeSeconds: 21 },
      { VisibilityTimeout: -1 },
      { VisibilityTimeout: 43_201 },
    ])("of a receive: %j is out of range", async (parameter) => {
      const url = await sqs.queue();
      await refused(sqs.receive(url, parameter), "InvalidParameterValue");
    });

    it("of a receive: one message unless told otherwise", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      await sqs.send(url, "b");
      const { Messages: messages } = await sqs.api.call("ReceiveMessage", { QueueUrl: url });
      expect(messages).toHaveLength(1);
    });

    it("of a send: a delay of 0 to 900 s", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a", { DelaySeconds: 900 });
      await refused(sqs.send(url, "a", { DelaySeconds: 901 }), "InvalidParameterValue");
      await refused(sqs.send(url, "a", { DelaySeconds: -1 }), "InvalidParameterValue");
    });

    it("of a visibility: 0 to 43,200 s", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const { ReceiptHandle: handle } = await sqs.receiveOne(url);
      await refused(sqs.changeVisibility(url, handle, -1), "InvalidParameterValue");
      await refused(sqs.changeVisibility(url, handle, 43_201), "InvalidParameterValue");
      await sqs.changeVisibility(url, handle, 43_200);
    });

    it.each(["", "a b", "ä", "a".repeat(129)])("of a group: '%s' is no id", async (id) => {
      const standard = await sqs.queue();
      const fifo = await sqs.fifo();
      await refused(sqs.send(standard, "a", { MessageGroupId: id }), "InvalidParameterValue");
      await refused(
        sqs.send(fifo, "a", { MessageGroupId: id, MessageDeduplicationId: "1" }),
        "InvalidParameterValue",
      );
      await refused(
        sqs.send(fifo, "a", { MessageGroupId: "1", MessageDeduplicationId: id }),
        "InvalidParameterValue",
      );
      await refused(sqs.receive(fifo, { ReceiveRequestAttemptId: id }), "InvalidParameterValue");
    });

    it("of a group: 128 letters, digits and signs are", async () => {
      const url = await sqs.fifo();
      const id = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ09".padEnd(128, "x");
      await sqs.send(url, "a", { MessageGroupId: id, MessageDeduplicationId: id });
      const [message] = await sqs.receive(url, {
        ReceiveRequestAttemptId: id,
        AttributeNames: ["All"],
      });
      expect(message?.Attributes).toMatchObject({ MessageGroupId: id, MessageDeduplicationId: id });
    });

    it("of the other kind of queue are refused", async () => {
      const standard = await sqs.queue();
      const fifo = await sqs.fifo();
      await refused(
        sqs.send(standard, "a", { MessageDeduplicationId: "1" }),
        "InvalidParameterValue",
      );
      await refused(
        sqs.receive(standard, { ReceiveRequestAttemptId: "1" }),
        "InvalidParameterValue",
      );
      await refused(sqs.sendTo(fifo, "g", "a", { DelaySeconds: 2 }), "InvalidParameterValue");
      await sqs.sendTo(fifo, "g", "a", { DelaySeconds: 0 });
    });

    it("of a queue that does not exist", async () => {
      const url = (await sqs.queue("orders")).replace("orders", "nothing");
      await refused(sqs.send(url, "a"), "QueueDoesNotExist");
      await refused(sqs.receive(url), "QueueDoesNotExist");
      await refused(sqs.attributes(url, ["All"]), "QueueDoesNotExist");
      await refused(sqs.api.call("PurgeQueue", { QueueUrl: url }), "QueueDoesNotExist");
    });
  });
}
