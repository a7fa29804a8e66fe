/** What a receiver learns of a message besides its body. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { MessageAttributes, ReceivedMessage } from "millrace";
import type { OpenBench } from "../bench.ts";
import { refused, useBench } from "./driver.ts";

const start = Date.UTC(2026, 0, 1);

/** Digests that AWS gave for these, all and in part. */
const greeting: MessageAttributes = {
  General: { DataType: "String", StringValue: "Kenobi" },
  Hello: { DataType: "String", StringValue: "There" },
  "Help.Me": { DataType: "String", StringValue: "Me" },
};

export function attributesSuite(open: OpenBench): void {
  describe("system attributes", () => {
    const sqs = useBench(open);

    it("come only when asked for", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a", { MessageGroupId: "tenant" });
      const message = await sqs.receiveOne(url);
      expect(message.Attributes).toBeUndefined();
      expect(message.MessageAttributes).toBeUndefined();
      expect(message.MD5OfMessageAttributes).toBeUndefined();
    });

    it("come by either parameter, one by one or all", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const system = async (rest: object): Promise<object | undefined> =>
        (await sqs.receiveOne(url, { VisibilityTimeout: 0, ...rest })).Attributes;
      expect(await system({ AttributeNames: ["SentTimestamp"] })).toEqual({
        SentTimestamp: String(start),
      });
      expect(await system({ MessageSystemAttributeNames: ["ApproximateReceiveCount"] })).toEqual({
        ApproximateReceiveCount: "2",
      });
      const all = {
        SenderId: expect.any(String),
        SentTimestamp: String(start),
        ApproximateReceiveCount: expect.any(String),
        ApproximateFirstReceiveTimestamp: String(start),
      };
      expect(await system({ AttributeNames: ["All"] })).toEqual(all);
      expect(await system({ MessageSystemAttributeNames: ["All"] })).toEqual(all);
      expect(
        await system({
          AttributeNames: ["SentTimestamp"],
          MessageSystemAttributeNames: ["SenderId"],
        }),
      ).toEqual({ SentTimestamp: String(start), SenderId: expect.any(String) });
    });

    it("count receives, and keep the times of the send and of the first receive", async () => {
      const url = await sqs.queue();
      await sqs.clock.advance(1500);
      await sqs.send(url, "a");
      const receive = async (): Promise<object | undefined> =>
        (await sqs.receiveOne(url, { AttributeNames: ["All"], VisibilityTimeout: 1 })).Attributes;
      await sqs.clock.advance(1000);
      const times = {
        SentTimestamp: String(start + 1500),
        ApproximateFirstReceiveTimestamp: String(start + 2500),
      };
      expect(await receive()).toMatchObject({ ...times, ApproximateReceiveCount: "1" });
      await sqs.clock.advance(1000);
      expect(await receive()).toMatchObject({ ...times, ApproximateReceiveCount: "2" });
      await sqs.clock.advance(1000);
      expect(await receive()).toMatchObject({ ...times, ApproximateReceiveCount: "3" });
    });

    it("bring the X-Ray header, and its digest to the sender", async () => {
      const url = await sqs.queue();
      const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
      const sent = await sqs.send(url, "a", {
        MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue: header } },
      });
      expect(sent.MD5OfMessageSystemAttributes).toBe(
        digest([["AWSTraceHeader", "String", 1, Buffer.from(header)]]),
      );
      expect(sent.MD5OfMessageAttributes).toBeUndefined();
      const message = await sqs.receiveOne(url, { AttributeNames: ["AWSTraceHeader"] });
      expect(message.Attributes).toEqual({ AWSTraceHeader: header });
    });

    it("bring the group of a message on a standard queue", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a", { MessageGroupId: "tenant-7" });
      const message = await sqs.receiveOne(url, { AttributeNames: ["MessageGroupId"] });
      expect(message.Attributes).toEqual({ MessageGroupId: "tenant-7" });
    });

    it("let names of queue attributes pass in AttributeNames, and refuse unknown ones", async () => {
      const url = await sqs.queue();
      await sqs.send(url, "a");
      const message = await sqs.receiveOne(url, { AttributeNames: ["VisibilityTimeout"] });
      expect(message.Attributes ?? {}).toEqual({});
      await refused(sqs.receive(url, { AttributeNames: ["Foo"] }), "InvalidAttributeName");
    });

    it("are refused to senders but for the X-Ray header", async () => {
      const url = await sqs.queue();
      const send = (name: string, dataType: string): Promise<unknown> =>
        sqs.send(url, "a", {
          MessageSystemAttributes: { [name]: { DataType: dataType, StringValue: "1" } },
        });
      await refused(send("SenderId", "String"), "InvalidParameterValue");
      await refused(send("AWSTraceHeader", "Number"), "InvalidParameterValue");
    });
  });

  describe("message attributes", () => {
    const sqs = useBench(open);

    it("come back as they were sent, of all three types, labels included", async () => {
      const url = await sqs.queue();
      const attributes = {
        text: { DataType: "String", StringValue: "déjà vu 😀" },
        number: { DataType: "Number.float", StringValue: "-12.50" },
        bytes: { DataType: "Binary.png", BinaryValue: Uint8Array.of(0, 1, 254, 255) },
      };
      const sent = await sqs.send(url, "a", { MessageAttributes: attributes });
      const md5 = digest([
        ["bytes", "Binary.png", 2, Buffer.from([0, 1, 254, 255])],
        ["number", "Number.float", 1, Buffer.from("-12.50")],
        ["text", "String", 1, Buffer.from("déjà vu 😀")],
      ]);
      expect(sent.MD5OfMessageAttributes).toBe(md5);
      const message = await sqs.receiveOne(url, { MessageAttributeNames: ["All"] });
      expect(message.MessageAttributes?.["text"]).toEqual(attributes.text);
      expect(message.MessageAttributes?.["number"]).toEqual(attributes.number);
      expect(message.MessageAttributes?.["bytes"]?.DataType).toBe("Binary.png");
      const bytes = message.MessageAttributes?.["bytes"]?.BinaryValue;
      expect(bytes).toBeInstanceOf(Uint8Array);
      expect([...(bytes ?? [])]).toEqual([0, 1, 254, 255]);
      expect(message.MD5OfMessageAttributes).toBe(md5);
    });

    it("have the digests that AWS gives for them", async () => {
      const url = await sqs.queue();
      const sent = await sqs.send(url, "msg", { MessageAttributes: greeting });
      expect(sent.MD5OfMessageBody).toBe("6e2baaf3b97dbeef01c0043275f9a0e7");
      expect(sent.MD5OfMessageAttributes).toBe("4c360f3fdafd970e05fae2f149d997f5");
      const bytes = new TextEncoder().encode(
        "traceparent\u001e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01",
      );
      const binary = await sqs.send(url, "test", {
        MessageAttributes: { attr1: { DataType: "Binary", BinaryValue: bytes } },
      });
      expect(binary.MD5OfMessageAttributes).toBe("8cbe4db156db8a94db8b801b7addb984");
    });

    it.each([
      {
        asked: ["All"],
        names: ["General", "Hello", "Help.Me"],
        md5: "4c360f3fdafd970e05fae2f149d997f5",
      },
      {
        asked: [".*"],
        names: ["General", "Hello", "Help.Me"],
        md5: "4c360f3fdafd970e05fae2f149d997f5",
      },
      {
        asked: ["Hello", "General"],
        names: ["General", "Hello"],
        md5: "fca026605781cb4126a1e9044df24232",
      },
      { asked: ["Hello", "Foo"], names: ["Hello"], md5: "a311262e065454b75da111d535b8dacd" },
      { asked: ["Hel.*"], names: ["Hello", "Help.Me"], md5: "83fee93c1bcd8b9a5a923ffacdc636c7" },
    ])("are chosen by $asked, and the digest is of the chosen", async ({ asked, names, md5 }) => {
      const url = await sqs.queue();
      await sqs.send(url, "msg", { MessageAttributes: greeting });
      const message = await sqs.receiveOne(url, { MessageAttributeNames: asked });
      expect(Object.keys(message.MessageAttributes ?? {}).toSorted()).toEqual(names);
      expect(message.MD5OfMessageAttributes).toBe(md5);
    });

    it.each([[["Foo"]], [["hello"]], [["Foo.*"]], [[]]])(
      "are left out altogether when %j fits none",
      async (asked) => {
        const url = await sqs.queue();
        await sqs.send(url, "msg", { MessageAttributes: greeting });
        const message = await sqs.receiveOne(url, { MessageAttributeNames: asked });
        expect(message.MessageAttributes).toBeUndefined();
        expect(message.MD5OfMessageAttributes).toBeUndefined();
      },
    );

    it("are the message's own: neither sender nor receiver can change them afterwards", async () => {
      const url = await sqs.queue();
      const bytes = Uint8Array.of(1, 2, 3);
      await sqs.send(url, "a", {
        MessageAttributes: { bytes: { DataType: "Binary", BinaryValue: bytes } },
      });
      bytes.fill(0);
      const read = (message: ReceivedMessage): Uint8Array | undefined =>
        message.MessageAttributes?.["bytes"]?.BinaryValue;
      const ask = { MessageAttributeNames: ["All"], VisibilityTimeout: 0 };
      const first = read(await sqs.receiveOne(url, ask));
      expect([...(first ?? [])]).toEqual([1, 2, 3]);
      first?.fill(0);
      expect([...(read(await sqs.receiveOne(url, ask)) ?? [])]).toEqual([1, 2, 3]);
    });
  });

  describe("digests of bodies", () => {
    const sqs = useBench(open);

    it("are the same to sender and receiver, whatever the characters", async () => {
      const url = await sqs.queue();
      const body = "füñf 😀\n\t";
      const md5 = createHash("md5").update(body).digest("hex");
      expect((await sqs.send(url, body)).MD5OfMessageBody).toBe(md5);
      const message = await sqs.receiveOne(url);
      expect(message.Body).toBe(body);
      expect(message.MD5OfBody).toBe(md5);
    });
  });
}

/** The algorithm of AWS's developer guide, written down a second time. */
function digest(fields: readonly [string, string, number, Buffer][]): string {
  const md5 = createHash("md5");
  const add = (bytes: Buffer): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    md5.update(length).update(bytes);
  };
  for (const [name, type, transport, value] of fields) {
    add(Buffer.from(name));
    add(Buffer.from(type));
    md5.update(Buffer.from([transport]));
    add(value);
  }
  return md5.digest("hex");
}
