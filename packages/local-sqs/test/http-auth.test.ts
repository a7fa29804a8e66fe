import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs, LocalSqsOptions } from "@millrace/local-sqs";
import { VirtualClock } from "millrace/testing";
import { afterEach, describe, expect, it } from "vitest";
import { RawClient } from "./raw-client.ts";
import { SdkApi } from "./sdk-api.ts";

const permanent = { accessKeyId: "AKIDLOCAL", secretAccessKey: "correct horse" };
const closers: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: LocalSqsOptions): Promise<LocalSqs> {
  const server = await startLocalSqs({ port: 0, queues: ["orders"], ...options });
  closers.push(() => server.stop());
  return server;
}

function sdk(server: LocalSqs, config: ConstructorParameters<typeof SdkApi>[0]): SdkApi {
  const api = new SdkApi({ endpoint: server.endpoint, ...config });
  closers.push(() => api.close());
  return api;
}

describe("the AWS SDK", () => {
  it("is taken with its credentials", async () => {
    const server = await start({ credentials: permanent });
    const api = sdk(server, { credentials: permanent });
    await api.call("SendMessage", {
      QueueUrl: server.queueUrl("orders"),
      MessageBody: "hello 😀 Привет",
      MessageAttributes: { bytes: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } },
    });
    const { Messages } = await api.call("ReceiveMessage", {
      QueueUrl: server.queueUrl("orders"),
      MessageAttributeNames: ["All"],
    });
    expect(Messages).toMatchObject([
      { Body: "hello 😀 Привет", MessageAttributes: { bytes: { DataType: "Binary" } } },
    ]);
    const bytes = Messages?.[0]?.MessageAttributes?.["bytes"]?.BinaryValue;
    expect([...(bytes ?? [])]).toEqual([0, 255]);
  });

  it.each<[string, ConstructorParameters<typeof SdkApi>[0], object]>([
    [
      "with a wrong secret",
      { credentials: { ...permanent, secretAccessKey: "battery" } },
      { errorName: "SignatureDoesNotMatch", statusCode: 403, category: "denied" },
    ],
    [
      "with an unknown key",
      { credentials: { ...permanent, accessKeyId: "AKIDOTHER" } },
      { errorName: "InvalidClientTokenId", statusCode: 403, category: "denied" },
    ],
    [
      "of another region",
      { credentials: permanent, region: "eu-central-1" },
      { errorName: "SignatureDoesNotMatch", statusCode: 403, category: "denied" },
    ],
    [
      "with a clock that is an hour late",
      { credentials: permanent, systemClockOffset: -3_600_000 },
      { errorName: "SignatureDoesNotMatch", statusCode: 403, category: "denied" },
    ],
  ])("%s is refused, and nothing is done", async (_title, config, expected) => {
    const server = await start({ credentials: permanent });
    const api = sdk(server, config);
    await expect(api.call("CreateQueue", { QueueName: "other" })).rejects.toMatchObject(expected);
    expect(server.service.queueUrls()).toEqual([server.queueUrl("orders")]);
    expect(server.requests()).toEqual({});
  });

  it("corrects its clock by the date of a refusal", async () => {
    const clock = new VirtualClock(Date.now() + 7_200_000);
    const server = await start({ credentials: permanent, clock });
    const api = sdk(server, { credentials: permanent, maxAttempts: 2 });
    await expect(api.call("ListQueues", {})).resolves.toEqual({
      QueueUrls: [server.queueUrl("orders")],
    });
  });

  it("gets new credentials when its session is over", async () => {
    const clock = new VirtualClock(Date.now());
    const first = { accessKeyId: "ASIAFIRST", secretAccessKey: "one", sessionToken: "token 1" };
    const second = { accessKeyId: "ASIASECOND", secretAccessKey: "two", sessionToken: "token 2" };
    const expiresAt = clock.now() + 60_000;
    const server = await start({ credentials: [{ ...first, expiresAt }, second], clock });
    const early = sdk(server, { credentials: first });
    await early.call("ListQueues", {});
    await clock.advance(60_000);
    await expect(early.call("ListQueues", {})).rejects.toMatchObject({
      errorName: "ExpiredToken",
      statusCode: 403,
      category: "denied",
    });
    await sdk(server, { credentials: second }).call("ListQueues", {});
  });

  it("is taken as it comes by a server without credentials", async () => {
    const server = await start({});
    const api = sdk(server, {
      credentials: { accessKeyId: "anyone", secretAccessKey: "anything" },
      region: "ap-northeast-2",
    });
    await expect(api.call("ListQueues", {})).resolves.toEqual({
      QueueUrls: [server.queueUrl("orders")],
    });
  });
});

it("denies a request that is not signed, with AWS's words", async () => {
  const server = await start({ credentials: permanent });
  const client = new RawClient(server.endpoint);
  closers.push(() => client.close());
  const { status, headers, json } = await client.send();
  expect(status).toBe(403);
  expect(headers["x-amzn-query-error"]).toBe("AccessDenied;Sender");
  expect(json()).toEqual({
    __type: "com.amazon.coral.service#AccessDeniedException",
    Message: "Access to the resource is denied.",
  });
});

describe("startLocalSqs", () => {
  it("creates its queues in order, FIFO by their names, and knows their URLs", async () => {
    const server = await startLocalSqs({
      port: 0,
      region: "eu-west-1",
      accountId: "123456789012",
      queues: [
        "dead.fifo",
        {
          name: "orders.fifo",
          attributes: {
            RedrivePolicy: JSON.stringify({
              deadLetterTargetArn: "arn:aws:sqs:eu-west-1:123456789012:dead.fifo",
              maxReceiveCount: 3,
            }),
          },
        },
      ],
    });
    closers.push(() => server.stop());
    const url = server.queueUrl("orders.fifo");
    expect(url).toBe(`${server.endpoint}/123456789012/orders.fifo`);
    expect(server.endpoint).toBe(`http://127.0.0.1:${server.port}`);
    const { Attributes } = await sdk(server, {}).call("GetQueueAttributes", {
      QueueUrl: url,
      AttributeNames: ["FifoQueue", "QueueArn"],
    });
    expect(Attributes).toEqual({
      FifoQueue: "true",
      QueueArn: "arn:aws:sqs:eu-west-1:123456789012:orders.fifo",
    });
    expect(() => server.queueUrl("orders")).toThrow(
      'QueueDoesNotExist: there is no queue "orders"',
    );
  });

  it("leaves nothing behind when a queue cannot be created", async () => {
    const server = await start({});
    await server.stop();
    const starting = startLocalSqs({ port: server.port, queues: ["no/name"] });
    await expect(starting).rejects.toMatchObject({ errorName: "InvalidParameterValue" });
    const again = await startLocalSqs({ port: server.port });
    await again.stop();
  });

  it("closes its own service, and leaves one that it was given", async () => {
    const own = await start({});
    await own.stop();
    await expect(own.service.call("ListQueues", {})).rejects.toMatchObject({
      errorName: "ServiceUnavailable",
    });
    const first = await start({});
    const second = await startLocalSqs({ port: 0, service: first.service });
    await second.stop();
    await expect(first.service.call("ListQueues", {})).resolves.toMatchObject({});
  });
});
