/**
 * Answers that are not SQS's, to both clients: each is an SqsResponseError that says so in a line and quotes
 * nothing of what was answered, and the client goes on as if nothing had been.
 */
import { inspect } from "node:util";
import { SQSClient } from "@aws-sdk/client-sqs";
import { fromSdk, HttpSqs, SqsError, SqsResponseError } from "millrace";
import type { SqsApi } from "millrace";
import { describe, expect, it, onTestFinished } from "vitest";
import { credentials, rejection } from "./bench.ts";
import { FaultServer, json, refusal, text, truncated } from "./fault-server.ts";
import type { Reply } from "./fault-server.ts";

const region = "us-east-1";
const deep = "[".repeat(1e5) + "]".repeat(1e5);
const message = { MessageId: "m", ReceiptHandle: "r", Body: "secret", MD5OfBody: "x" };

const clients: Record<string, (endpoint: string) => SqsApi> = {
  HttpSqs: (endpoint) => {
    const sqs = new HttpSqs({ region, endpoint, credentials, maxAttempts: 1 });
    onTestFinished(() => sqs.close());
    return sqs;
  },
  fromSdk: (endpoint) => {
    const client = new SQSClient({ region, endpoint, credentials, maxAttempts: 1 });
    onTestFinished(() => client.destroy());
    return fromSdk(client);
  },
};

const attribute = (value: unknown): object => ({
  Messages: [{ ...message, MessageAttributes: { a: value } }],
});

/** What both refuse as the answer to a receive. */
const receives: Record<string, Reply> = {
  HTML: text("<html>secret</html>", { "content-type": "text/html" }),
  "HTML that says it is JSON": text("<html>secret", { "content-type": "application/json" }),
  "half of an object": text('{"Messages":[{"Body":"secret"'),
  "what was compressed": text("secret", { "content-encoding": "gzip" }),
  "an answer that breaks off": truncated,
  "messages that are no list": json({ Messages: { 0: message } }),
  "messages that are a text": json({ Messages: "secret" }),
  "a message that is null": json({ Messages: [null] }),
  "a message that is a text": json({ Messages: ["secret"] }),
  "a message that is a list": json({ Messages: [[message]] }),
  "messages a hundred thousand lists deep": text(`{"Messages":${deep}}`),
  "a body that is a number": json({ Messages: [{ ...message, Body: 1 }] }),
  "a body that is an object": json({ Messages: [{ ...message, Body: { a: "secret" } }] }),
  "a receipt handle that is an object": json({ Messages: [{ ...message, ReceiptHandle: {} }] }),
  "an id that is a number": json({ Messages: [{ ...message, MessageId: 7 }] }),
  "a sum that is a number": json({ Messages: [{ ...message, MD5OfBody: 7 }] }),
  "attributes that are a list": json({ Messages: [{ ...message, Attributes: ["secret"] }] }),
  "message attributes that are a list": json({ Messages: [{ ...message, MessageAttributes: [] }] }),
  "an attribute that is a text": json(attribute("secret")),
  "an attribute whose type is a number": json(attribute({ DataType: 1, StringValue: "a" })),
  "an attribute whose text is a number": json(attribute({ DataType: "Number", StringValue: 5 })),
  "bytes that are no base64": json(attribute({ DataType: "Binary", BinaryValue: "@secret@" })),
  "bytes that are half base64": json(attribute({ DataType: "Binary", BinaryValue: "AQID@" })),
  "bytes that are a number": json(attribute({ DataType: "Binary", BinaryValue: 5 })),
  "bytes that are a list": json(attribute({ DataType: "Binary", BinaryValue: [1, 2] })),
  "an error that comes as a success": json({ __type: "a#QueueDoesNotExist", message: "secret" }),
  "a redirect": text("secret", { location: "http://127.0.0.1:1/" }, 301),
  "a redirect that wants the same again": text("", { location: "http://127.0.0.1:1/" }, 307),
  "a page of a proxy": text("<html>secret</html>", { "content-type": "text/html" }, 502),
  "a refusal without a word": text("", {}, 403),
};

/** What HttpSqs refuses, and the SDK takes for an empty answer before anyone can see it. */
const receivesOfHttpSqs: Record<string, Reply> = {
  "nothing at all": text(""),
  "no content": text("", {}, 204),
  "a list": json([message]),
  null: json(null),
  "a number": json(7),
  "a text": json("secret"),
};

const cases = [
  ...Object.keys(clients).flatMap((name) =>
    Object.entries(receives).map(([what, reply]) => ({ name, what, reply })),
  ),
  ...Object.entries(receivesOfHttpSqs).map(([what, reply]) => ({ name: "HttpSqs", what, reply })),
];

async function open(name: string): Promise<{ server: FaultServer; sqs: SqsApi; queueUrl: string }> {
  const server = await FaultServer.start();
  const sqs = clients[name]?.(server.origin);
  if (sqs === undefined) throw new Error(`there is no client ${name}`);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { server, sqs, queueUrl: server.queueUrl };
}

describe("a receive", () => {
  it.each(cases)("over $name that is answered with $what", async ({ name, reply }) => {
    const { server, sqs, queueUrl: QueueUrl } = await open(name);
    server.next(reply);
    const error = await rejection(sqs.call("ReceiveMessage", { QueueUrl }));
    // The SDK takes an answer that breaks off for a connection that did.
    expect(error).toBeInstanceOf(reply === truncated ? SqsError : SqsResponseError);
    expect(error).toMatchObject({ operation: "ReceiveMessage", category: "transient" });
    expect(String(error)).toMatch(/^Sqs\w+Error: ReceiveMessage: .{10,200}$/);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("secret");

    expect(await sqs.call("ReceiveMessage", { QueueUrl })).toEqual({});
    expect(server.requests).toHaveLength(2);
  });
});

describe.each(Object.keys(clients))("over %s", (name) => {
  it.each([
    ["Successful", { Successful: "secret" }],
    ["Successful", { Successful: [null] }],
    ["Failed", { Successful: [], Failed: [1] }],
    ["Failed", { Failed: { 0: {} } }],
  ])("a batch whose %s is no list of entries: %j", async (_, answer) => {
    const { server, sqs, queueUrl: QueueUrl } = await open(name);
    server.next(json(answer));
    const call = sqs.call("DeleteMessageBatch", { QueueUrl, Entries: [] });
    expect(await rejection(call)).toBeInstanceOf(SqsResponseError);
  });

  it("an error with a name and a text of a megabyte is told in a line", async () => {
    const { server, sqs, queueUrl: QueueUrl } = await open(name);
    const long = "A".repeat(1e6);
    server.next(json({ __type: `a#${long}`, message: "x" }), refusal("Odd", { message: long }));
    server.always(refusal("Odd", { message: long }));
    server.next(text(JSON.stringify({ __type: long, message: long }), {}, 400));
    for (let round = 0; round < 3; round += 1) {
      const error = await rejection(sqs.call("ReceiveMessage", { QueueUrl }));
      expect(error).toBeInstanceOf(SqsError);
      expect(String(error).length).toBeLessThan(2_500);
    }
  });

  it("ten messages of a mebibyte each arrive, though escaping has doubled them", async () => {
    const { server, sqs, queueUrl: QueueUrl } = await open(name);
    const Body = '"'.repeat(1_048_576);
    const { createHash } = await import("node:crypto");
    const MD5OfBody = createHash("md5").update(Body).digest("hex");
    const Messages = Array.from({ length: 10 }, (_, index) => {
      return { MessageId: `${index}`, ReceiptHandle: `${index}`, Body, MD5OfBody };
    });
    server.next(json({ Messages }));
    const output = await sqs.call("ReceiveMessage", { QueueUrl });
    expect(output.Messages).toHaveLength(10);
    expect(output.Messages?.every((received) => received.Body === Body)).toBe(true);
  });
});

describe("HttpSqs", () => {
  it("keeps an attribute whose name means something to JavaScript, and changes no prototype", async () => {
    const { server, sqs, queueUrl: QueueUrl } = await open("HttpSqs");
    const value = '{"DataType":"String","StringValue":"x"}';
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const attributes = names.map((name) => `"${name}":${value}`).join();
    server.next(text(`{"__proto__":{"a":1},"Messages":[{"MessageAttributes":{${attributes}}}]}`));
    const output = await sqs.call("ReceiveMessage", { QueueUrl });
    expect(Object.keys(output.Messages?.[0]?.MessageAttributes ?? {})).toEqual(names);
    expect(Reflect.get({}, "a")).toBeUndefined();
  });

  it("takes an answer whose content type is another", async () => {
    const { server, sqs, queueUrl: QueueUrl } = await open("HttpSqs");
    server.next(text('{"Messages":[]}', { "content-type": "text/html" }));
    expect(await sqs.call("ReceiveMessage", { QueueUrl })).toEqual({ Messages: [] });
  });

  it("reads the text of an error in time that does not grow with its square", async () => {
    const { server, sqs, queueUrl: QueueUrl } = await open("HttpSqs");
    // Two megabytes of blanks would take hours.
    server.next(refusal("Odd", { message: " ".repeat(2_000_000) }));
    const error = await rejection(sqs.call("ReceiveMessage", { QueueUrl }));
    expect(error).toMatchObject({ errorName: "Odd" });
  });

  it.each([
    "Sat, 13 Sep 275760 00:00:00 GMT",
    "Thu, 01 Jan 10000 00:00:00 GMT",
    "Thu, 01 Jan 1900 00:00:00 GMT",
    "soon",
    "",
  ])("signs on after an answer that dates itself %j", async (date) => {
    const { server, sqs, queueUrl: QueueUrl } = await open("HttpSqs");
    server.next(json({}, { date }));
    await sqs.call("ReceiveMessage", { QueueUrl });
    await sqs.call("ReceiveMessage", { QueueUrl });
    const dates = server.requests.map(({ headers }) => String(headers["x-amz-date"]).slice(0, 4));
    expect(dates[1]).toBe(dates[0]);
  });
});
