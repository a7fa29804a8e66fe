import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { SqsServiceError } from "millrace";
import { VirtualClock } from "millrace/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawClient } from "./raw-client.ts";
import type { RawRequest } from "./raw-client.ts";
import { ScriptedService } from "./scripted-service.ts";
import type { ScriptedCall } from "./scripted-service.ts";

let clock: VirtualClock;
let service: ScriptedService;
let server: LocalSqs;
let client: RawClient;
let answer: (call: ScriptedCall) => void;

beforeEach(async () => {
  clock = new VirtualClock(Date.UTC(2031, 4, 6, 7, 8, 9));
  answer = (call) => call.resolve({});
  service = new ScriptedService((call) => answer(call), clock);
  server = await startLocalSqs({ port: 0, service });
  client = new RawClient(server.endpoint);
});

afterEach(async () => {
  client.close();
  await server.stop();
});

/** Status, `__type` and query error of a refusal. */
async function refusal(request: RawRequest): Promise<unknown[]> {
  const { status, headers, json } = await client.send(request);
  expect(headers["content-type"]).toBe("application/x-amz-json-1.0");
  const { __type: type } = json() as { __type: string };
  return [status, type, headers["x-amzn-query-error"]];
}

/** An input of ListQueues of that many bytes. */
function bodyOf(bytes: number): string {
  return `{"QueueNamePrefix":"${"a".repeat(bytes - 22)}"}`;
}

const malformed = [400, "com.amazon.coral.service#SerializationException", "MalformedInput;Sender"];
const missing = [
  400,
  "com.amazon.coral.service#MissingRequiredParameterException",
  "MissingParameter;Sender",
];
const unknown = "com.amazon.coral.service#UnknownOperationException";

describe("inputs", () => {
  it("reach the service in the shapes of its operations, without what it does not know", async () => {
    await client.send({
      operation: "SendMessage",
      body: JSON.stringify({
        QueueUrl: "http://queue",
        MessageBody: "π 😀\u0000",
        DelaySeconds: null,
        Color: "green",
        MessageAttributes: {
          bytes: { DataType: "Binary", BinaryValue: "AAH//g==", Shape: "round" },
          text: { DataType: "String", StringValue: "é" },
        },
      }),
    });
    expect(service.calls).toMatchObject([{ operation: "SendMessage" }]);
    expect(service.calls[0]?.input).toEqual({
      QueueUrl: "http://queue",
      MessageBody: "π 😀\u0000",
      MessageAttributes: {
        bytes: { DataType: "Binary", BinaryValue: Buffer.from([0, 1, 255, 254]) },
        text: { DataType: "String", StringValue: "é" },
      },
    });
  });

  it("may name an attribute __proto__", async () => {
    const body = '{"QueueName":"q","tags":{"__proto__":"a","constructor":"b"}}';
    await client.send({ operation: "CreateQueue", body });
    expect(JSON.stringify(service.calls[0]?.input)).toBe(body);
  });

  it.each<[string, string, string]>([
    ["broken JSON", "SendMessage", '{"QueueUrl":'],
    ["an empty body", "ListQueues", ""],
    ["a list", "ListQueues", "[]"],
    ["a string", "ListQueues", '"ListQueues"'],
    ["null", "ListQueues", "null"],
    ["a number for a string", "SendMessage", '{"MessageBody":1}'],
    ["a string for a number", "ReceiveMessage", '{"WaitTimeSeconds":"20"}'],
    ["a fraction for an integer", "ReceiveMessage", '{"WaitTimeSeconds":1.5}'],
    ["a string for a list", "UntagQueue", '{"TagKeys":"a"}'],
    ["a number in a list", "UntagQueue", '{"TagKeys":[1]}'],
    ["a list for a map", "TagQueue", '{"Tags":["a"]}'],
    ["a boolean in a map", "TagQueue", '{"Tags":{"a":true}}'],
    ["a string for an entry", "DeleteMessageBatch", '{"Entries":["a"]}'],
    [
      "binary that is no base64",
      "SendMessage",
      '{"MessageBody":"","MessageAttributes":{"a":{"BinaryValue":"%%%%"}}}',
    ],
  ])("with %s are refused, and call nothing", async (_title, operation, body) => {
    expect(await refusal({ operation, body })).toEqual(malformed);
    expect(service.calls).toEqual([]);
  });

  it("that are not UTF-8 are refused rather than mended", async () => {
    const body = Buffer.from('{"QueueUrl":"","MessageBody":"\xff"}', "latin1");
    expect(await refusal({ operation: "SendMessage", body })).toEqual(malformed);
  });

  it.each([
    ["SendMessage", '{"QueueUrl":"u"}'],
    ["DeleteMessage", '{"QueueUrl":"u"}'],
    ["ChangeMessageVisibility", '{"QueueUrl":"u","ReceiptHandle":"r"}'],
    ["DeleteMessageBatch", '{"QueueUrl":"u","Entries":[{"Id":"0"}]}'],
    ["CreateQueue", "{}"],
  ])("of %s without a member that must be are refused", async (operation, body) => {
    expect(await refusal({ operation, body })).toEqual(missing);
    expect(service.calls).toEqual([]);
  });

  it("without queue or entries are the service's to judge", async () => {
    await client.send({ operation: "SendMessageBatch", body: "{}" });
    expect(service.calls[0]?.input).toEqual({ QueueUrl: "", Entries: [] });
  });
});

describe("answers", () => {
  it("carry binary values in base64, and nothing for what is undefined", async () => {
    const bytes = new Uint8Array([9, 0, 1, 255, 9]).subarray(1, 4);
    answer = (call) =>
      call.resolve({
        Messages: [
          {
            MessageId: "m",
            Body: "😀",
            Attributes: undefined,
            MessageAttributes: {
              a: { DataType: "Binary", BinaryValue: bytes },
              b: { DataType: "Number", StringValue: "1" },
            },
          },
          { MessageId: "n" },
        ],
      });
    const { json } = await client.send({ operation: "ReceiveMessage" });
    expect(json()).toEqual({
      Messages: [
        {
          MessageId: "m",
          Body: "😀",
          MessageAttributes: {
            a: { DataType: "Binary", BinaryValue: "AAH/" },
            b: { DataType: "Number", StringValue: "1" },
          },
        },
        { MessageId: "n" },
      ],
    });
  });

  it.each([
    ["DeleteQueue", "{}"],
    ["SetQueueAttributes", '{"Attributes":{}}'],
    ["PurgeQueue", "{}"],
    ["DeleteMessage", '{"ReceiptHandle":"r"}'],
    ["ChangeMessageVisibility", '{"ReceiptHandle":"r","VisibilityTimeout":0}'],
    ["TagQueue", '{"Tags":{}}'],
    ["UntagQueue", '{"TagKeys":[]}'],
  ])("of %s are empty, as AWS's are", async (operation, body) => {
    const { status, text, headers } = await client.send({ operation, body });
    expect([status, text, headers["content-length"]]).toEqual([200, "", "0"]);
  });

  it("carry an id of their own and the date of the service's clock", async () => {
    const first = await client.send();
    expect(first.headers).toMatchObject({
      date: "Tue, 06 May 2031 07:08:09 GMT",
      "content-type": "application/x-amz-json-1.0",
    });
    await clock.advance(61_000);
    const second = await client.send();
    expect(second.headers.date).toBe("Tue, 06 May 2031 07:09:10 GMT");
    const ids = [first.headers["x-amzn-requestid"], second.headers["x-amzn-requestid"]];
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});

describe("errors", () => {
  it.each<[string, number, boolean, string, string]>([
    [
      "QueueDoesNotExist",
      400,
      true,
      "com.amazonaws.sqs#QueueDoesNotExist",
      "AWS.SimpleQueueService.NonExistentQueue;Sender",
    ],
    [
      "QueueNameExists",
      400,
      true,
      "com.amazonaws.sqs#QueueNameExists",
      "QueueAlreadyExists;Sender",
    ],
    [
      "ReceiptHandleIsInvalid",
      404,
      true,
      "com.amazonaws.sqs#ReceiptHandleIsInvalid",
      "ReceiptHandleIsInvalid;Sender",
    ],
    ["OverLimit", 403, true, "com.amazonaws.sqs#OverLimit", "OverLimit;Sender"],
    [
      "InvalidParameterValue",
      400,
      true,
      "com.amazon.coral.service#InvalidParameterValueException",
      "InvalidParameterValue;Sender",
    ],
    [
      "MissingRequiredParameterException",
      400,
      true,
      "com.amazon.coral.service#MissingRequiredParameterException",
      "MissingParameter;Sender",
    ],
    [
      "ServiceUnavailable",
      503,
      false,
      "com.amazon.coral.service#ServiceUnavailable",
      "ServiceUnavailable;Receiver",
    ],
  ])(
    "%s is told by status, type and older name",
    async (errorName, statusCode, senderFault, ...told) => {
      answer = ({ operation, reject }) =>
        reject(
          new SqsServiceError({ operation, errorName, statusCode, senderFault, text: "a: b" }),
        );
      expect(await refusal({})).toEqual([statusCode, ...told]);
      const { json } = await client.send();
      expect(json()).toEqual({ __type: told[0], message: "a: b" });
    },
  );

  it("of the service's own making are told as such, and leave the connection usable", async () => {
    const bug = new TypeError("x is not a function");
    const wrapped = new SqsServiceError(
      {
        operation: "ListQueues",
        errorName: "InternalFailure",
        text: "The request processing has failed.",
        statusCode: 500,
        senderFault: false,
      },
      { cause: bug },
    );
    for (const thrown of [bug, wrapped]) {
      answer = ({ reject }) => reject(thrown);
      const { status, headers, json } = await client.send();
      expect([status, headers["x-amzn-query-error"]]).toEqual([500, "InternalFailure;Receiver"]);
      expect(json()).toEqual({
        __type: "com.amazon.coral.service#InternalFailure",
        message: "TypeError: x is not a function",
      });
    }
    answer = ({ resolve }) => resolve({ QueueUrls: ["u"] });
    expect((await client.send()).json()).toEqual({ QueueUrls: ["u"] });
    expect(client.connections).toBe(1);
  });
});

describe("requests", () => {
  it.each<[string, RawRequest, unknown[]]>([
    [
      "for an unknown operation",
      { operation: "Frobnicate" },
      [400, unknown, "InvalidAction;Sender"],
    ],
    [
      "for what every object has",
      { operation: "toString" },
      [400, unknown, "InvalidAction;Sender"],
    ],
    [
      "for another service",
      { headers: { "x-amz-target": "AmazonSNS.ListQueues" } },
      [400, unknown, "InvalidAction;Sender"],
    ],
    [
      "without a target",
      { headers: { "x-amz-target": undefined } },
      [400, unknown, "InvalidAction;Sender"],
    ],
    ["with another method", { method: "GET", body: "" }, [405, unknown, "InvalidAction;Sender"]],
    [
      "in the query protocol",
      { headers: { "content-type": "application/x-www-form-urlencoded" } },
      [
        415,
        "com.amazon.coral.service#UnsupportedMediaTypeException",
        "UnsupportedMediaType;Sender",
      ],
    ],
    [
      "without a content type",
      { headers: { "content-type": undefined } },
      [
        415,
        "com.amazon.coral.service#UnsupportedMediaTypeException",
        "UnsupportedMediaType;Sender",
      ],
    ],
  ])("%s are refused, and the connection stays", async (_title, request, expected) => {
    expect(await refusal(request)).toEqual(expected);
    expect((await client.send()).status).toBe(200);
    expect(client.connections).toBe(1);
    expect(service.calls).toHaveLength(1);
  });

  it("may say more in their content type", async () => {
    const headers = { "content-type": "Application/X-Amz-Json-1.0; charset=utf-8" };
    expect((await client.send({ headers })).status).toBe(200);
  });

  it("are read up to 8 MiB, and refused beyond", async () => {
    const most = 8 * 1024 * 1024;
    expect((await client.send({ body: bodyOf(most) })).status).toBe(200);
    const tooLarge = [
      413,
      "com.amazon.coral.service#RequestEntityTooLargeException",
      "RequestEntityTooLarge;Sender",
    ];
    expect(await refusal({ body: bodyOf(most + 1) })).toEqual(tooLarge);
    const chunked = { "transfer-encoding": "chunked" };
    expect(await refusal({ body: bodyOf(3 * most), headers: chunked })).toEqual(tooLarge);
    expect(service.calls).toHaveLength(1);
  });

  it("are counted by operation when they reach the service", async () => {
    answer = ({ resolve }) => resolve({});
    await client.send({ operation: "ListQueues" });
    await client.send({ operation: "ListQueues" });
    await client.send({ operation: "PurgeQueue" });
    await client.send({ operation: "Frobnicate" });
    await client.send({ operation: "SendMessage", body: "[]" });
    expect(server.requests()).toEqual({ ListQueues: 2, PurgeQueue: 1 });
  });
});
