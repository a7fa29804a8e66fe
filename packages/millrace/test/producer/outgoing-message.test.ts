import { describe, expect, it } from "vitest";
import type { ProducerOptions, SendOptions } from "../../src/producer/options.ts";
import { createBench } from "./bench.ts";
import { fifoUrl, standardUrl } from "./scripted-sqs.ts";

async function sent(
  body: unknown,
  options?: SendOptions,
  producerOptions: Partial<ProducerOptions> = { idempotencyKeys: false },
): Promise<unknown> {
  const { sqs, producer, finish } = createBench(producerOptions);
  const result = producer.send(body, options);
  await finish();
  await result;
  const { Id: _, ...entry } = { ...sqs.accepted[0]?.entry };
  return JSON.parse(JSON.stringify(entry));
}

describe("a message", () => {
  it.each([
    ["a string as it is", "tab\t and 🎫", "tab\t and 🎫"],
    ["a string that looks like JSON as it is", '{"a": 1}', '{"a": 1}'],
    ["an object as JSON", { seat: "4A", list: [1, null] }, '{"seat":"4A","list":[1,null]}'],
    ["null as JSON", null, "null"],
    ["a number as JSON", 7, "7"],
    ["a lone surrogate within JSON, escaped", { s: "\uD800" }, String.raw`{"s":"\ud800"}`],
    ["a date as JSON", new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ])("carries %s", async (_, body, text) => {
    expect(await sent(body)).toEqual({ MessageBody: text });
  });

  it("carries delay, group and attributes of all types", async () => {
    const attributes = { s: "é", n: -1.5, big: 12345678901234567890n, "b.x": Uint8Array.of(1, 2) };
    expect(await sent("a", { delaySeconds: 900, groupId: "t", attributes })).toEqual({
      MessageBody: "a",
      DelaySeconds: 900,
      MessageGroupId: "t",
      MessageAttributes: {
        s: { DataType: "String", StringValue: "é" },
        n: { DataType: "Number", StringValue: "-1.5" },
        big: { DataType: "Number", StringValue: "12345678901234567890" },
        "b.x": { DataType: "Binary", BinaryValue: { 0: 1, 1: 2 } },
      },
    });
  });

  it("is encoded during the call: later changes do not reach the queue", async () => {
    const { sqs, producer, finish } = createBench();
    const body = { n: 1 };
    const bytes = Uint8Array.of(1);
    const result = producer.send(body, { attributes: { bytes } });
    body.n = 2;
    bytes[0] = 2;
    await finish();
    await result;
    expect(sqs.bodies).toEqual(['{"n":1}']);
    expect(sqs.accepted[0]?.entry.MessageAttributes?.["bytes"]?.BinaryValue).toEqual(
      Uint8Array.of(1),
    );
  });

  it("may have exactly 1 MiB", async () => {
    const { producer, finish } = createBench();
    const full = "é".repeat(524_288);
    const result = producer.send(full);
    await expect(producer.send(`${full}.`)).rejects.toMatchObject({ code: "INVALID_MESSAGE" });
    const attributes = { a: 1 };
    await expect(producer.send(full, { attributes })).rejects.toMatchObject({ field: "body" });
    await finish();
    await result;
  });
});

const stamp = (StringValue: unknown): object => ({
  "millrace.id": { DataType: "String", StringValue },
});
const ten = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, "x"]));

describe("the idempotency key", () => {
  it("is an attribute: one that is given, else one of the message's own", async () => {
    const standard = {};
    expect(await sent("a", { idempotencyKey: "order/4711" }, standard)).toEqual({
      MessageBody: "a",
      MessageAttributes: stamp("order/4711"),
    });
    expect(await sent("a", {}, standard)).toEqual({
      MessageBody: "a",
      MessageAttributes: stamp(expect.stringMatching(/^[0-9a-f]{32}$/)),
    });
  });

  it("stays the same when a send is tried again, and differs from send to send", async () => {
    const { sqs, producer, finish } = createBench();
    // What is applied, and its answer lost, is there twice on a standard queue.
    sqs.request = (_, nth) => (nth === 1 ? "lose" : "answer");
    const sends = Promise.all([producer.send("a"), producer.send("b")]);
    await finish();
    await sends;
    const keys = sqs.accepted.map(
      ({ entry }) => entry.MessageAttributes?.["millrace.id"]?.StringValue,
    );
    expect(sqs.bodies).toEqual(["a", "b", "a", "b"]);
    expect(keys.slice(0, 2)).toEqual(keys.slice(2));
    expect(new Set(keys).size).toBe(2);
  });

  it("is left out when it is not given and there is no room for it", async () => {
    expect(await sent("a", { attributes: ten }, {})).not.toMatchObject({
      MessageAttributes: stamp(expect.anything()),
    });
    const full = "x".repeat(1_048_576 - 20);
    expect(await sent(full, {}, {})).toEqual({ MessageBody: full });
  });

  it("is the deduplication id on a FIFO queue, unless one is given", async () => {
    const fifo = { queue: fifoUrl };
    const options = { groupId: "g", idempotencyKey: "k" };
    expect(await sent("a", options, fifo)).toMatchObject({ MessageDeduplicationId: "k" });
    expect(await sent("a", options, { ...fifo, contentBasedDeduplication: true })).toMatchObject({
      MessageDeduplicationId: "k",
    });
    expect(await sent("a", { ...options, deduplicationId: "d" }, fifo)).toMatchObject({
      MessageDeduplicationId: "d",
      MessageAttributes: stamp("k"),
    });
  });
});

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;
const throwing = {
  toJSON: () => {
    // oxlint-disable-next-line typescript/only-throw-error -- user code throws anything
    throw undefined;
  },
};
const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`a${i}`, "x"]));

describe("what SQS would refuse rejects alone, before it reaches a batch:", () => {
  it.each<[string, string, unknown, SendOptions?, ("standard" | "fifo")?]>([
    ["an empty body", "body", ""],
    ["undefined", "body", undefined],
    ["a function", "body", () => 1],
    ["a bigint", "body", 1n],
    ["a cycle", "body", cyclic],
    ["a toJSON that throws undefined", "body", throwing],
    ["a control character", "body", "a\u0000b"],
    ["U+FFFE", "body", "a\uFFFE"],
    ["a lone surrogate", "body", "a\uD800"],
    ["eleven attributes", "attributes", "x", { attributes: eleven }],
    ["an empty attribute", "attributes.a", "x", { attributes: { a: "" } }],
    ["an attribute without bytes", "attributes.a", "x", { attributes: { a: new Uint8Array() } }],
    ["an attribute with illegal characters", "attributes.a", "x", { attributes: { a: "\u0001" } }],
    ["NaN", "attributes.a", "x", { attributes: { a: Number.NaN } }],
    ["Infinity", "attributes.a", "x", { attributes: { a: Infinity } }],
    ["a number out of range", "attributes.a", "x", { attributes: { a: 1e127 } }],
    ["39 digits", "attributes.a", "x", { attributes: { a: 10n ** 38n } }],
    ["a boolean", "attributes.a", "x", { attributes: { a: true as unknown as string } }],
    ["an attribute name of AWS's", "attributes.aWs.x", "x", { attributes: { "aWs.x": "1" } }],
    ["a name that begins with a dot", "attributes..a", "x", { attributes: { ".a": "1" } }],
    ["a name that ends with a dot", "attributes.a.", "x", { attributes: { "a.": "1" } }],
    ["a name with two dots", "attributes.a..b", "x", { attributes: { "a..b": "1" } }],
    ["a name with a space", "attributes.a b", "x", { attributes: { "a b": "1" } }],
    [
      "the library's own attribute",
      "attributes.millrace.id",
      "x",
      { attributes: { "millrace.id": "1" } },
    ],
    ["ten attributes and a key", "attributes", "x", { attributes: ten, idempotencyKey: "k" }],
    ["an empty idempotency key", "idempotencyKey", "x", { idempotencyKey: "" }],
    ["an idempotency key with a space", "idempotencyKey", "x", { idempotencyKey: "a b" }],
    ["an idempotency key of 129", "idempotencyKey", "x", { idempotencyKey: "k".repeat(129) }],
    ["a delay of 901", "delaySeconds", "x", { delaySeconds: 901 }],
    ["a delay of 1.5", "delaySeconds", "x", { delaySeconds: 1.5 }],
    ["a group id with a space", "groupId", "x", { groupId: "a b" }],
    ["a group id of 129", "groupId", "x", { groupId: "g".repeat(129) }],
    ["a deduplication id on a standard queue", "deduplicationId", "x", { deduplicationId: "d" }],
    ["no group id on a FIFO queue", "groupId", "x", {}, "fifo"],
    ["a delay on a FIFO queue", "delaySeconds", "x", { groupId: "g", delaySeconds: 1 }, "fifo"],
    [
      "an empty deduplication id",
      "deduplicationId",
      "x",
      { groupId: "g", deduplicationId: "" },
      "fifo",
    ],
  ])("%s", async (_, field, body, options, kind) => {
    const { sqs, producer, finish } = createBench({
      queue: kind === "fifo" ? fifoUrl : standardUrl,
    });
    const before = producer.send("before", { groupId: "other" });
    await expect(producer.send(body, options)).rejects.toMatchObject({
      code: "INVALID_MESSAGE",
      field,
    });
    const after = producer.send("after", { groupId: "another" });
    expect(producer.stats()).toMatchObject({ failed: 1, pending: 2 });
    await finish();
    await Promise.all([before, after]);
    expect(sqs.batches).toEqual([["before", "after"]]);
  });
});
