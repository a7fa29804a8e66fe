import { getEventListeners } from "node:events";
import { inspect } from "node:util";
import { SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import {
  SqsConnectionError,
  SqsCredentialsError,
  SqsError,
  SqsRequestError,
  SqsResponseError,
  SqsServiceError,
  SqsTimeoutError,
} from "../../src/sqs/errors.ts";
import { fromSdk } from "../../src/sqs/from-sdk.ts";
import type { SdkClient } from "../../src/sqs/from-sdk.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { credentials, rejection } from "./bench.ts";
import { FaultServer, json, refusal, reset, silence, text, truncated } from "./fault-server.ts";

const queue = { QueueUrl: "http://queue.test/000000000000/orders" } as const;

const clients: SQSClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

function clientOf(server: FaultServer, options: object = {}): SQSClient {
  const { origin: endpoint } = server;
  const client = new SQSClient({
    region: "us-east-1",
    endpoint,
    credentials,
    maxAttempts: 1,
    ...options,
  });
  clients.push(client);
  return client;
}

describe("fromSdk", () => {
  it("turns the SDK's errors into SqsError, with the category that fits", async () => {
    await using server = await FaultServer.start();
    const sqs = fromSdk(clientOf(server));
    for (const [reply, kind, fields] of [
      [refusal("QueueDoesNotExist"), SqsServiceError, { category: "missingQueue" }],
      [refusal("RequestThrottled", { status: 400 }), SqsServiceError, { category: "throttled" }],
      [refusal("AccessDeniedException", { status: 403 }), SqsServiceError, { category: "denied" }],
      [refusal("InvalidAttributeName"), SqsServiceError, { category: "invalid" }],
      [refusal("InternalError", { status: 500 }), SqsServiceError, { category: "transient" }],
      [text("<html>", {}, 503), SqsResponseError, { category: "transient" }],
      [text("<html>secret"), SqsResponseError, { category: "transient" }],
      [reset, SqsConnectionError, { category: "transient" }],
      [json({ Messages: [{ Body: "x", MD5OfBody: "0" }] }), SqsResponseError, {}],
      [truncated, SqsError, { category: "transient" }],
    ] as const) {
      server.next(reply);
      const error = await rejection(sqs.call("ReceiveMessage", queue));
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ operation: "ReceiveMessage", ...fields });
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("secret");
    }
  });

  it.each([
    ["a reset, then a refusal", [reset, refusal("AccessDenied")], true],
    ["a fault of SQS, then a refusal", [text("", {}, 503), refusal("AccessDenied")], true],
    ["throttles", [refusal("RequestThrottled"), refusal("RequestThrottled")], false],
    ["a refusal", [refusal("AccessDenied")], false],
  ])("tells whether any attempt may have been applied: %s", async (_, replies, mayBeApplied) => {
    await using server = await FaultServer.start();
    const sqs = fromSdk(clientOf(server, { maxAttempts: 2 }));
    server.next(...replies);
    const error = await rejection(sqs.call("SendMessage", { ...queue, MessageBody: "hello" }));
    expect(error).toMatchObject({ code: "SQS_SERVICE_ERROR", mayBeApplied });
    expect(server.requests).toHaveLength(replies.length);
  });

  it("tells the request id and the name that AWS gave", async () => {
    await using server = await FaultServer.start();
    server.next(refusal("ReceiptHandleIsInvalid", { message: "why" }));
    const sqs = fromSdk(clientOf(server));
    const error = await rejection(sqs.call("DeleteMessage", { ...queue, ReceiptHandle: "x" }));
    expect(error).toMatchObject({
      errorName: "ReceiptHandleIsInvalid",
      requestId: "r-1",
      statusCode: 400,
      senderFault: true,
      message: "DeleteMessage: ReceiptHandleIsInvalid: why",
    });
  });

  it("turns missing credentials into SqsCredentialsError, and a missing region into SqsRequestError", async () => {
    await using server = await FaultServer.start();
    const missing = Object.assign(new Error("Could not load credentials from any providers"), {
      name: "CredentialsProviderError",
    });
    const anonymous = clientOf(server, { credentials: () => Promise.reject(missing) });
    expect(await rejection(fromSdk(anonymous).call("ListQueues", {}))).toBeInstanceOf(
      SqsCredentialsError,
    );
    const nowhere = clientOf(server, {
      region: () => Promise.reject(new Error("Region is missing")),
    });
    expect(await rejection(fromSdk(nowhere).call("ListQueues", {}))).toBeInstanceOf(
      SqsRequestError,
    );
  });

  it("sets the deadline that the SDK does not, wait included, and hangs up", async () => {
    await using server = await FaultServer.start();
    server.always(silence);
    const clock = new VirtualClock();
    const sqs = fromSdk(clientOf(server), { clock, requestTimeoutMs: 5_000 });
    const call = rejection(sqs.call("ReceiveMessage", { ...queue, WaitTimeSeconds: 20 }));
    await server.received(1);
    await clock.advance(25_000);
    const error = await call;
    expect(error).toBeInstanceOf(SqsTimeoutError);
    expect(error).toMatchObject({ timeoutMs: 25_000 });
    await server.closed(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it("settles though the client ignores its signal, and takes what a receive still brings", async () => {
    const clock = new VirtualClock();
    const sent: Array<(output: unknown) => void> = [];
    const deaf: SdkClient = { send: () => new Promise((resolve) => void sent.push(resolve)) };
    const sqs = fromSdk(deaf, { clock });
    const reason = new Error("enough");
    const controller = new AbortController();
    const { signal } = controller;
    const stuck = rejection(sqs.call("ListQueues", {}, { signal }));
    const bringing = sqs.call("ReceiveMessage", queue, { signal });
    while (sent.length < 2) await clock.settle();
    controller.abort(reason);
    sent[1]?.({ Messages: [{ Body: "x" }], $metadata: { httpStatusCode: 200 } });
    expect(await bringing).toEqual({ Messages: [{ Body: "x" }] });
    await clock.advance(1_000);
    expect(await stuck).toBe(reason);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("takes a client that throws for one that rejects", async () => {
    const clock = new VirtualClock();
    const broken: SdkClient = {
      send: () => {
        throw new TypeError("not a command");
      },
    };
    const error = await rejection(fromSdk(broken, { clock }).call("ListQueues", {}));
    expect(error).toBeInstanceOf(SqsRequestError);
    expect(clock.pendingTimers).toBe(0);
  });

  it("leaves the client to its owner", async () => {
    await using server = await FaultServer.start();
    const client = clientOf(server);
    await fromSdk(client).call("ListQueues", {});
    expect(await fromSdk(client).call("ListQueues", {})).toEqual({});
  });
});
