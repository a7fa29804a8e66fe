/**
 * What a sender can put into a message: each is handled, or settled as a failure of that message alone,
 * with a schema and without, in process and over both clients.
 */
import { setImmediate } from "node:timers/promises";
import { SQSClient } from "@aws-sdk/client-sqs";
import { startLocalSqs } from "@millrace/local-sqs";
import { Consumer, fromSdk, HttpSqs, InvalidBodyError, Producer } from "millrace";
import type { ConsumerStats, Message, MessageAttributes, SqsApi } from "millrace";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { Bench, only } from "./bench.ts";
import type { Told } from "./bench.ts";

const mebibyte = 1_048_576;
const levels = 100_000;
const deepLists = "[".repeat(levels) + "]".repeat(levels);
const deepObjects = '{"a":'.repeat(levels) + "1" + "}".repeat(levels);

const behindOnesBack: unknown = Object.fromEntries(
  ["then", "toJSON", "valueOf", "toString", "length", "Symbol.iterator"].map((name) => [name, 1]),
);

/** What is sent, and what a schema that takes anything makes of it; `refused` when it is no JSON. */
const bodies: Record<string, { readonly sent: string; readonly parsed?: unknown }> = {
  "a mebibyte of text": { sent: "x".repeat(mebibyte) },
  "a mebibyte of JSON": {
    sent: JSON.stringify("y".repeat(mebibyte - 2)),
    parsed: "y".repeat(mebibyte - 2),
  },
  "a mebibyte of quotes": { sent: '"'.repeat(mebibyte) },
  "a mebibyte of emoji": {
    sent: JSON.stringify("🎟".repeat((mebibyte - 4) / 4)),
    parsed: "🎟".repeat((mebibyte - 4) / 4),
  },
  "emoji, flags and joiners": { sent: '"🎟 👩‍👩‍👧 🇰🇷"', parsed: "🎟 👩‍👩‍👧 🇰🇷" },
  "lone surrogates in escapes": { sent: '"\\ud800 \\udfff"', parsed: "\ud800 \udfff" },
  "NUL in an escape": { sent: '"\\u0000\\u001b[31m"', parsed: "\u0000\u001b[31m" },
  "lines of all kinds": { sent: '"a\u2028b\u2029c\u0085"\r\n\t', parsed: "a\u2028b\u2029c\u0085" },
  "a byte order mark": { sent: "\uFEFF{}" },
  "deep lists": { sent: deepLists, parsed: "deep" },
  "deep objects": { sent: deepObjects, parsed: "deep" },
  "deep lists that do not end": { sent: "[".repeat(levels) },
  "numbers beyond 2^53": {
    sent: "[9007199254740993, 123456789012345678901234567890, 1e999, -0]",
    parsed: [9_007_199_254_740_992, 123_456_789_012_345_680_000_000_000_000, Infinity, -0],
  },
  "a number of a hundred thousand digits": { sent: "9".repeat(1e5), parsed: Infinity },
  "the same key many times": { sent: '{"a":1,"a":2,"a":3}', parsed: { a: 3 } },
  "a hundred thousand keys": {
    sent: `{${Array.from({ length: 80_000 }, (_, nth) => `"k${nth}":0`).join()}}`,
    parsed: Object.fromEntries(Array.from({ length: 80_000 }, (_, nth) => [`k${nth}`, 0])),
  },
  null: { sent: "null", parsed: null },
  "a text": { sent: '""', parsed: "" },
  "no JSON": { sent: "{'a': 1}" },
  "half of JSON": { sent: '{"a": ' },
  "two JSONs": { sent: "{} {}" },
  blanks: { sent: "   " },
  "JavaScript that JSON is not": { sent: "undefined" },
  XML: { sent: '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' },
  "a prototype": {
    sent: '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
    parsed: JSON.parse(
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
    ) as unknown,
  },
  "methods that are called behind one's back": {
    sent: JSON.stringify(behindOnesBack),
    parsed: behindOnesBack,
  },
};

const names = Object.keys(bodies);

function count({ acknowledged, deadLettered }: ConsumerStats): number {
  return acknowledged + deadLettered;
}

describe("without a schema", () => {
  it("every body is handed over as it was sent", async () => {
    const bench = await Bench.open();
    const seen: string[] = [];
    const { consumer } = bench.consumer({
      handle: (message) => {
        expect(message.rawBody).toBe(message.body);
        seen.push(message.body);
      },
    });
    await bench.send(...names.map((name) => bodies[name]?.sent ?? ""));
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === names.length, 60_000);
    expect(new Set(seen)).toEqual(new Set(names.map((name) => bodies[name]?.sent)));
    expect(consumer.stats()).toMatchObject({ failed: 0, inHand: 0 });
  });
});

describe("with a schema", () => {
  /** Sends the body between two others, and waits until all three are settled. */
  async function settle(sent: string): Promise<{
    readonly told: readonly Told[];
    readonly seen: readonly unknown[];
    readonly dead: readonly string[];
  }> {
    const bench = await Bench.open();
    const deadUrl = await bench.deadLetterQueue();
    const seen: unknown[] = [];
    const { consumer, told } = bench.consumer({
      schema: z.unknown(),
      handle: ({ body }) => {
        if (body !== 1 && body !== 3) seen.push(body);
      },
    });
    await bench.send("1", sent, "3");
    await bench.start(consumer);
    const { clock } = bench;
    await clock.advanceUntil(() => count(consumer.stats()) === 3, 60_000);
    expect(consumer.stats().acknowledged).toBeGreaterThanOrEqual(2);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
    expect(Reflect.get({}, "admin")).toBeUndefined();
    return { told, seen, dead: await bench.drain(deadUrl) };
  }

  it.each(names.filter((name) => bodies[name]?.parsed !== undefined))(
    "%s: handled",
    async (name) => {
      const { sent = "", parsed } = bodies[name] ?? {};
      const { told, seen, dead } = await settle(sent);
      expect(seen).toHaveLength(1);
      // What is that deep cannot be compared without overflowing the stack.
      expect(parsed === "deep" ? typeof seen[0] : seen[0]).toEqual(
        parsed === "deep" ? "object" : parsed,
      );
      expect(only(told, "failed")).toEqual([]);
      expect(dead).toEqual([]);
    },
  );

  it.each(names.filter((name) => bodies[name]?.parsed === undefined))(
    "%s: a failure of that message alone",
    async (name) => {
      const { sent = "" } = bodies[name] ?? {};
      const { told, seen, dead } = await settle(sent);
      expect(seen).toEqual([]);
      const failures = only(told, "failed").map(({ error }) => error);
      expect(failures).toMatchObject([{ code: "INVALID_BODY", message: "the body is not JSON" }]);
      expect(dead).toEqual([sent]);
    },
  );

  const shapes = {
    "known keys": z.object({ a: z.number().optional() }),
    "any keys": z.looseObject({}),
    "a record": z.record(z.string(), z.unknown()),
    JSON: z.json(),
  };

  it.each(Object.keys(shapes) as (keyof typeof shapes)[])(
    "that takes %s gives the handler no prototype of the sender's",
    async (shape) => {
      const bench = await Bench.open();
      const seen: unknown[] = [];
      const { consumer } = bench.consumer<unknown>({
        schema: shapes[shape],
        handle: ({ body }) => {
          seen.push(body);
        },
      });
      await bench.send('{"__proto__":{"admin":true},"b":1}');
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => seen.length === 1, 10_000);
      expect(Object.getPrototypeOf(seen[0])).toBe(Object.prototype);
      expect(Reflect.get(seen[0] as object, "admin")).toBeUndefined();
    },
  );

  it("that calls itself overflows the stack for that message alone", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      schema: z.json(),
      retry: () => 3_600,
      handle: () => {},
    });
    await bench.send("1", deepLists, deepObjects, "2");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().retried === 2, 10_000);
    await bench.clock.advance(100);
    expect(consumer.stats()).toMatchObject({ acknowledged: 2, failed: 2, inHand: 0 });
    for (const { error } of only(told, "failed")) expect(error).toBeInstanceOf(RangeError);
  });

  const long = "k".repeat(200_000);
  const talkative: Record<string, { readonly schema: z.ZodType; readonly sent: string }> = {
    "a hundred thousand faults": {
      schema: z.array(z.string()),
      sent: JSON.stringify(Array.from({ length: 100_000 }, () => 1)),
    },
    "keys without end": {
      schema: z.strictObject({}),
      sent: `{${Array.from({ length: 50_000 }, (_, nth) => `"k${nth}":0`).join()}}`,
    },
    "a key of 200,000 letters": {
      schema: z.record(z.string(), z.string()),
      sent: JSON.stringify({ [long]: 1 }),
    },
    "a fault that quotes the body": {
      schema: z.string().refine(() => false, { error: ({ input }) => `not ${String(input)}` }),
      sent: JSON.stringify(long),
    },
    "lines that pretend to be a log's": {
      schema: z.record(z.string(), z.string()),
      sent: JSON.stringify({ "x\r\n\u001b[31mERROR all is lost\u2028\u0085": 1 }),
    },
    "a fault a thousand levels down": {
      schema: z.lazy(() => nested),
      sent: '{"a":'.repeat(1_000) + "1" + "}".repeat(1_000),
    },
  };
  const nested: z.ZodType = z.object({ a: z.lazy(() => z.union([nested, z.string()])) });

  it.each(Object.keys(talkative))("tells of %s in a few lines", async (what) => {
    const { schema = z.never(), sent = "" } = talkative[what] ?? {};
    const bench = await Bench.open();
    const dead = await bench.deadLetterQueue();
    const { consumer, told } = bench.consumer({ schema, handle: () => {} });
    await bench.send(sent);
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 1, 10_000);
    const error = only(told, "failed")[0]?.error as InvalidBodyError;
    expect(error).toBeInstanceOf(InvalidBodyError);
    expect(error.message.length).toBeLessThan(2_500);
    expect(error.message).toMatch(/^the body does not fit the schema: ./);
    // No line breaks, no escape sequences.
    expect(error.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(error.issues.length).toBeGreaterThan(0);
    expect(error.issues.length).toBeLessThanOrEqual(10);
    for (const issue of error.issues) expect(issue.length).toBeLessThanOrEqual(201);
    expect(await bench.drain(dead)).toEqual([sent]);
  });

  it("says how many faults it does not tell", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ schema: z.array(z.string()), handle: () => {} });
    await bench.send(JSON.stringify(Array.from({ length: 12 }, () => 1)));
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().failed === 1, 10_000);
    expect(only(told, "failed")[0]?.error.message).toMatch(/; and 2 more$/);
  });
});

describe("a handler that throws what the sender sent", () => {
  it.each(names)("%s: the error can be read, and only that message is retried", async (name) => {
    const { sent = "", parsed } = bodies[name] ?? {};
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      retry: () => 3_600,
      handle: ({ body }) => {
        // oxlint-disable-next-line typescript/only-throw-error -- the point of it
        if (body === sent) throw parsed === undefined ? body : (JSON.parse(body) as unknown);
      },
    });
    await bench.send("first", sent, "last");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().retried === 1, 10_000);
    await bench.clock.advance(100);
    expect(consumer.stats()).toMatchObject({ acknowledged: 2, failed: 1 });
    const { error, outcome } = only(told, "failed")[0] ?? {};
    expect(error).toBeInstanceOf(Error);
    expect(error?.message.length).toBeLessThan(250);
    expect(outcome).toMatchObject({ type: "retry" });
  });
});

const attributes: Record<string, { readonly value: MessageAttributes; readonly seen: object }> = {
  "names that mean something to JavaScript": {
    value: Object.fromEntries(
      ["__proto__", "constructor", "toString", "then", "hasOwnProperty", "length"].map((name) => [
        name,
        { DataType: "String", StringValue: name },
      ]),
    ),
    seen: Object.fromEntries(
      ["constructor", "toString", "then", "hasOwnProperty", "length"].map((name) => [name, name]),
    ),
  },
  "all bytes": {
    value: {
      bytes: {
        DataType: "Binary",
        BinaryValue: Uint8Array.from({ length: 256 }, (_, byte) => byte),
      },
      zero: { DataType: "Binary.png", BinaryValue: Uint8Array.of(0) },
    },
    seen: {
      bytes: Uint8Array.from({ length: 256 }, (_, byte) => byte),
      zero: Uint8Array.of(0),
    },
  },
  "numbers that no number holds": {
    value: {
      long: { DataType: "Number", StringValue: "12345678901234567890123456789012345678" },
      small: { DataType: "Number.float", StringValue: "1e-128" },
    },
    seen: { long: "12345678901234567890123456789012345678", small: "1e-128" },
  },
  "types of one's own, and emoji": {
    value: {
      custom: { DataType: "String.my.type-1_2", StringValue: "🎟\n\t" },
      blank: { DataType: "String", StringValue: " " },
    },
    seen: { custom: "🎟\n\t", blank: " " },
  },
  "a name and a value as long as they can be": {
    value: { ["n".repeat(256)]: { DataType: "String", StringValue: "v".repeat(500_000) } },
    seen: { ["n".repeat(256)]: "v".repeat(500_000) },
  },
  "ten of them": {
    value: Object.fromEntries(
      Array.from({ length: 10 }, (_, nth) => [`a${nth}`, { DataType: "String", StringValue: "x" }]),
    ),
    seen: Object.fromEntries(Array.from({ length: 10 }, (_, nth) => [`a${nth}`, "x"])),
  },
  none: { value: {}, seen: {} },
};

/** Lets turns of the event loop pass until it holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

const clients: Record<string, (endpoint: string) => SqsApi> = {
  HttpSqs: (endpoint) => {
    const sqs = new HttpSqs({ region: "us-east-1", endpoint, credentials });
    onTestFinished(() => sqs.close());
    return sqs;
  },
  fromSdk: (endpoint) => {
    const client = new SQSClient({ region: "us-east-1", endpoint, credentials });
    onTestFinished(() => client.destroy());
    return fromSdk(client);
  },
};
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };

describe.each(Object.keys(clients))("over %s", (client) => {
  async function open(): Promise<{ sqs: SqsApi; queue: string }> {
    const server = await startLocalSqs({ port: 0, queues: ["jobs"] });
    onTestFinished(() => server.stop());
    const sqs = clients[client]?.(server.endpoint);
    if (sqs === undefined) throw new Error(`there is no client ${client}`);
    return { sqs, queue: server.queueUrl("jobs") };
  }

  function consume<Body>(options: object): Consumer<Body> {
    const consumer = new Consumer<Body>(options as ConstructorParameters<typeof Consumer<Body>>[0]);
    onTestFinished(async () => {
      await consumer.stop({ deadlineMs: 0 });
    });
    return consumer;
  }

  it("every body arrives as the producer sent it", async () => {
    const { sqs, queue } = await open();
    const producer = new Producer<string>({ queue, sqs });
    await Promise.all(names.map((name) => producer.send(bodies[name]?.sent ?? "")));
    await producer.close();
    const seen = new Set<string>();
    const consumer = consume<string>({
      queue,
      sqs,
      handle: (message: Message) => {
        seen.add(message.body);
      },
    });
    await consumer.start();
    await until(() => consumer.stats().acknowledged === names.length);
    expect(seen).toEqual(new Set(names.map((name) => bodies[name]?.sent)));
  });

  it.each(Object.keys(attributes))("attributes: %s", async (what) => {
    const { value = {}, seen = {} } = attributes[what] ?? {};
    const { sqs, queue } = await open();
    await sqs.call("SendMessage", {
      QueueUrl: queue,
      MessageBody: "x",
      MessageAttributes: value,
    });
    const messages: Message[] = [];
    const consumer = consume<string>({
      queue,
      sqs,
      handle: (message: Message) => {
        messages.push(message);
      },
    });
    await consumer.start();
    await until(() => consumer.stats().acknowledged === 1);
    const found = messages[0]?.attributes ?? {};
    expect(Object.getPrototypeOf(found)).toBeNull();
    for (const [name, content] of Object.entries(seen)) expect(found[name]).toEqual(content);
    // The SDK loses the one that it takes for a prototype; nobody else's is changed by it.
    const hidden = client === "fromSdk" ? ["__proto__"] : [];
    const sent = Object.keys(value).filter((name) => !hidden.includes(name));
    expect(Object.keys(found).toSorted()).toEqual(sent.toSorted());
    expect(Reflect.get({}, "StringValue")).toBeUndefined();
  });
});
