import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  SqsConnectionError,
  SqsResponseError,
  SqsServiceError,
  SqsTimeoutError,
} from "../../src/sqs/errors.ts";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { Bench, credentials, deadlineMs, rejection } from "./bench.ts";
import {
  FaultServer,
  hold,
  json,
  refusal,
  reset,
  silence,
  text,
  truncated,
} from "./fault-server.ts";

const send = { QueueUrl: "http://queue.test/000000000000/orders", MessageBody: "hello" } as const;
const receive = { QueueUrl: send.QueueUrl, WaitTimeSeconds: 20 } as const;

/** A bare TCP server, for what an HTTP server would not do. */
async function tcpServer(onConnection: (socket: Socket) => void): Promise<{
  port: number;
  close: () => Promise<void>;
}> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("HttpSqs, when the connection fails", () => {
  it("rejects with SqsConnectionError when nobody listens, and counts no request", async () => {
    const server = await FaultServer.start();
    const { origin } = server;
    await server[Symbol.asyncDispose]();
    const clock = new VirtualClock();
    await using sqs = new HttpSqs({
      region: "us-east-1",
      endpoint: origin,
      credentials,
      clock,
      maxAttempts: 1,
    });
    const error = await rejection(sqs.call("SendMessage", send));
    expect(clock.pendingTimers).toBe(0);
    expect(error).toBeInstanceOf(SqsConnectionError);
    expect(error).toMatchObject({ operation: "SendMessage", category: "transient" });
    expect(error).toMatchObject({ mayBeApplied: false });
    expect(String(error)).toContain("ECONNREFUSED");
    expect(sqs.requestCounts()).toEqual({});
  });

  it("tries again after a reset, with jitter between, and counts each request", async () => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    const arrivedAt: number[] = [];
    server.next(
      (response, request) => {
        arrivedAt.push(clock.monotonicMs());
        reset(response, request);
      },
      (response, request) => {
        arrivedAt.push(clock.monotonicMs());
        reset(response, request);
      },
      (response, request) => {
        arrivedAt.push(clock.monotonicMs());
        json({ MessageId: "m-1" })(response, request);
      },
    );
    expect(await bench.drive(sqs.call("SendMessage", send))).toEqual({ MessageId: "m-1" });
    // Half of 50 ms, then half of 100 ms.
    expect(arrivedAt).toEqual([0, 25, 75]);
    expect(sqs.requestCounts()).toEqual({ SendMessage: 3 });
  });

  it("gives up after maxAttempts", async () => {
    await using bench = await Bench.open({ maxAttempts: 2 });
    bench.server.always(reset);
    const error = await rejection(bench.drive(bench.sqs.call("SendMessage", send)));
    expect(error).toBeInstanceOf(SqsConnectionError);
    expect(bench.server.requests).toHaveLength(2);
  });

  it("gives up a connection that does not open within connectTimeoutMs", async () => {
    const clock = new VirtualClock();
    let connections = 0;
    // It accepts, and never says its part of the TLS handshake.
    const { port, close } = await tcpServer(() => connections++);
    const sqs = new HttpSqs({
      region: "us-east-1",
      endpoint: `https://127.0.0.1:${port}`,
      credentials,
      clock,
      connectTimeoutMs: 1_000,
      requestTimeoutMs: deadlineMs,
      maxAttempts: 1,
    });
    const call = rejection(sqs.call("ListQueues", {}));
    await clock.advanceUntil(() => clock.pendingTimers === 2 || clock.monotonicMs() > 0);
    await clock.advance(1_000);
    const error = await call;
    expect(error).toBeInstanceOf(SqsConnectionError);
    expect(String(error)).toContain("no connection within 1000 ms");
    await sqs.close();
    expect(clock.pendingTimers).toBe(0);
    await close();
  });
});

describe("HttpSqs, when no answer comes", () => {
  it("gives each attempt its deadline, and repeats it", async () => {
    await using bench = await Bench.open({ requestTimeoutMs: 40_000 });
    const { server, sqs, clock } = bench;
    server.always(silence);
    const call = rejection(sqs.call("SendMessage", send));
    for (let attempt = 1; attempt <= 3; attempt++) {
      await server.received(attempt);
      await clock.advance(40_000);
      await clock.advance(100);
    }
    const error = await call;
    expect(error).toBeInstanceOf(SqsTimeoutError);
    expect(error).toMatchObject({ timeoutMs: 40_000, category: "transient" });
    expect(server.requests).toHaveLength(3);
  });

  it("waits for a receive as long as SQS may, plus the slack, and leaves repeating to the poller", async () => {
    await using bench = await Bench.open({ requestTimeoutMs: 5_000, connectTimeoutMs: 3_600_000 });
    const { server, sqs, clock } = bench;
    server.always(silence);
    let settled = false;
    const call = rejection(sqs.call("ReceiveMessage", receive)).finally(() => {
      settled = true;
    });
    await server.received(1);
    await clock.advance(24_999);
    expect(settled).toBe(false);
    await clock.advance(1);
    expect(await call).toMatchObject({ code: "SQS_TIMEOUT", timeoutMs: 25_000 });
    expect(server.requests).toHaveLength(1);
  });

  it("expects the queue's own wait when a receive names none", async () => {
    await using bench = await Bench.open({ requestTimeoutMs: 5_000, connectTimeoutMs: 3_600_000 });
    bench.server.always(silence);
    const call = rejection(bench.sqs.call("ReceiveMessage", { QueueUrl: send.QueueUrl }));
    await bench.server.received(1);
    await bench.clock.advance(25_000);
    expect(await call).toMatchObject({ timeoutMs: 25_000 });
  });

  it("counts the time in line for a connection, which stays with whom it serves", async () => {
    await using bench = await Bench.open({ connections: 1, maxAttempts: 1 });
    const { server, sqs, clock } = bench;
    const held = hold(json({ Messages: [{ Body: "hello" }] }));
    server.next(held.reply);
    const poll = sqs.call("ReceiveMessage", receive);
    await server.received(1);
    const controller = new AbortController();
    const late = rejection(sqs.call("SendMessage", send));
    const aborted = rejection(sqs.call("SendMessage", send, { signal: controller.signal }));
    controller.abort("enough");
    expect(await aborted).toBe("enough");
    await clock.advance(deadlineMs);
    expect(await late).toBeInstanceOf(SqsTimeoutError);
    held.release();
    expect(await poll).toEqual({ Messages: [{ Body: "hello" }] });
    await sqs.call("ListQueues", {});
    expect(server.requests.map(({ operation }) => operation)).toEqual([
      "ReceiveMessage",
      "ListQueues",
    ]);
    expect(new Set(server.requests.map(({ socket }) => socket)).size).toBe(1);
    expect(sqs.requestCounts()).toEqual({ ReceiveMessage: 1, ListQueues: 1 });
  });

  it("ends an answer that trickles without end", async () => {
    await using bench = await Bench.open({ maxAttempts: 1, requestTimeoutMs: 40_000 });
    const { server, sqs, clock } = bench;
    server.next((response) => {
      response.writeHead(200);
      response.write('{"Messages":[');
    });
    const call = rejection(sqs.call("ReceiveMessage", { ...receive, WaitTimeSeconds: 0 }));
    await server.received(1);
    await clock.advance(40_000);
    expect(await call).toBeInstanceOf(SqsTimeoutError);
    await server.closed(0);
  });
});

describe("HttpSqs, when SQS answers with an error", () => {
  it.each([500, 502, 503, 504])("repeats after HTTP %d, whatever its body", async (status) => {
    await using bench = await Bench.open();
    bench.server.next(
      text("<html>bad gateway</html>", { "content-type": "text/html" }, status),
      refusal("InternalError", { status }),
      json({ MessageId: "m-1" }),
    );
    expect(await bench.drive(bench.sqs.call("SendMessage", send))).toEqual({ MessageId: "m-1" });
  });

  it("repeats after a fault of SQS that comes with a status of the caller's", async () => {
    await using bench = await Bench.open();
    bench.server.next(refusal("RequestTimeout", { fault: "Sender" }), json({ MessageId: "m-1" }));
    expect(await bench.drive(bench.sqs.call("SendMessage", send))).toEqual({ MessageId: "m-1" });
  });

  it.each([
    ["QueueDoesNotExist", 400, "missingQueue"],
    ["AWS.SimpleQueueService.NonExistentQueue", 400, "missingQueue"],
    ["AccessDeniedException", 403, "denied"],
    ["InvalidMessageContents", 400, "invalid"],
    ["OverLimit", 400, "throttled"],
  ])("does not repeat after %s", async (name, status, category) => {
    await using bench = await Bench.open();
    bench.server.always(refusal(name, { status, message: "why" }));
    const error = await rejection(bench.drive(bench.sqs.call("SendMessage", send)));
    expect(error).toBeInstanceOf(SqsServiceError);
    expect(error).toMatchObject({
      errorName: name,
      category,
      statusCode: status,
      senderFault: true,
      requestId: "r-1",
      message: `SendMessage: ${name}: why`,
    });
    expect(bench.server.requests).toHaveLength(1);
  });

  it("slows down after a throttle more than after a fault", async () => {
    await using bench = await Bench.open();
    bench.server.next(refusal("RequestThrottled"), refusal("ThrottlingException"));
    await bench.drive(bench.sqs.call("SendMessage", send));
    // Half of a second, then half of two.
    expect(bench.clock.monotonicMs()).toBe(1_500);
  });

  it.each([
    [{ __type: "QueueDoesNotExist" }, {}],
    [{ __type: "com.amazonaws.sqs#QueueDoesNotExist" }, {}],
    [{ code: "QueueDoesNotExist" }, {}],
    [{}, { "x-amzn-errortype": "QueueDoesNotExist:http://internal/coral" }],
    [{}, { "x-amzn-query-error": "QueueDoesNotExist;Sender" }],
  ])("finds the error's name in %j and %j", async (body, headers) => {
    await using bench = await Bench.open();
    bench.server.always(text(JSON.stringify(body), headers, 400));
    expect(await rejection(bench.sqs.call("SendMessage", send))).toMatchObject({
      errorName: "QueueDoesNotExist",
      category: "missingQueue",
    });
  });

  it("believes x-amzn-query-error about whose fault it is", async () => {
    await using bench = await Bench.open({ maxAttempts: 1 });
    bench.server.next(refusal("Odd", { fault: "Receiver" }), refusal("Odd", { fault: "Sender" }));
    expect(await rejection(bench.sqs.call("SendMessage", send))).toMatchObject({
      senderFault: false,
      category: "transient",
    });
    expect(await rejection(bench.sqs.call("SendMessage", send))).toMatchObject({
      senderFault: true,
      category: "invalid",
    });
  });

  it("stops repeating when the budget of retries is spent, and earns it back by successes", async () => {
    await using bench = await Bench.open();
    const { server, sqs } = bench;
    server.always(refusal("InternalError", { status: 500 }));
    for (let call = 0; call < 20; call++)
      await rejection(bench.drive(sqs.call("SendMessage", send)));
    // 500 tokens at 14 a retry.
    expect(server.requests).toHaveLength(20 + 35);

    server.always(json({}));
    for (let call = 0; call < 14; call++) await sqs.call("SendMessage", send);
    server.always(refusal("InternalError", { status: 500 }));
    const before = server.requests.length;
    await rejection(bench.drive(sqs.call("SendMessage", send)));
    expect(server.requests.length - before).toBe(2);
  });
});

describe("HttpSqs, about whether a call that failed may have been applied", () => {
  it.each([
    ["a reset, then a refusal", [reset, refusal("AccessDeniedException", { status: 403 })], true],
    ["a reset, then throttles", [reset, refusal("RequestThrottled")], true],
    ["a fault of SQS, then a refusal", [text("", {}, 503), refusal("AccessDenied")], true],
    ["a throttle, then a refusal", [refusal("RequestThrottled"), refusal("AccessDenied")], false],
    ["a refusal", [refusal("InvalidMessageContents")], false],
    ["a reset", [refusal("RequestThrottled"), reset], true],
  ])("answers for all attempts: %s", async (_, replies, mayBeApplied) => {
    await using bench = await Bench.open({ maxAttempts: 2 });
    bench.server.next(...replies);
    const error = await rejection(bench.drive(bench.sqs.call("SendMessage", send)));
    expect(error).toMatchObject({ mayBeApplied });
    expect(bench.server.requests).toHaveLength(replies.length);
  });

  it("answers for the attempts before there were no more credentials", async () => {
    const gone = new Error("no metadata service");
    let asked = 0;
    await using bench = await Bench.open({
      credentials: () => (asked++ === 0 ? Promise.resolve(credentials) : Promise.reject(gone)),
    });
    bench.server.next(reset, refusal("ExpiredToken", { status: 403 }));
    const error = await rejection(bench.drive(bench.sqs.call("SendMessage", send)));
    expect(error).toMatchObject({ code: "SQS_NO_CREDENTIALS", mayBeApplied: true });
  });

  it("knows of a call that waited in line for a connection that it was not", async () => {
    await using bench = await Bench.open({ connections: 1, maxAttempts: 1 });
    const held = hold(json({}));
    bench.server.next(held.reply);
    const first = bench.sqs.call("ReceiveMessage", receive);
    await bench.server.received(1);
    const late = rejection(bench.sqs.call("SendMessage", send));
    await bench.clock.advance(deadlineMs);
    expect(await late).toMatchObject({ code: "SQS_TIMEOUT", mayBeApplied: false });
    held.release();
    await first;
  });

  it("leaves the reason of an abort as it is, an error of SQS too", async () => {
    await using bench = await Bench.open();
    bench.server.next(reset);
    const controller = new AbortController();
    const { signal } = controller;
    const call = rejection(bench.sqs.call("SendMessage", send, { signal }));
    await bench.server.received(1);
    await bench.server.closed(0);
    const reason = new SqsTimeoutError("SendMessage", 1, { mayBeApplied: false });
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(reason.mayBeApplied).toBe(false);
  });
});

describe("HttpSqs, when something answers that is not SQS", () => {
  it.each([
    ["HTML", text("<html>secret message body</html>", { "content-type": "text/html" })],
    ["broken JSON", text('{"Messages":[{"Body":"secret message body"')],
    ["an array", json([{ Body: "secret message body" }])],
    ["a string", json("secret message body")],
    ["null", json(null)],
    ["a body cut short", truncated],
  ])("rejects %s with SqsResponseError, and does not repeat its text", async (_name, reply) => {
    await using bench = await Bench.open();
    bench.server.always(reply);
    const error = await rejection(bench.drive(bench.sqs.call("ReceiveMessage", receive)));
    expect(error).toBeInstanceOf(SqsResponseError);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("secret message");
    expect(bench.server.requests).toHaveLength(3);
  });

  it("rejects what is no HTTP", async () => {
    const clock = new VirtualClock();
    const { port, close } = await tcpServer((socket) => {
      socket.once("data", () => socket.end("SSH-2.0-OpenSSH_9.6\r\n\r\n"));
    });
    await using sqs = new HttpSqs({
      region: "us-east-1",
      endpoint: `http://127.0.0.1:${port}`,
      credentials,
      clock,
      maxAttempts: 1,
    });
    expect(await rejection(sqs.call("ListQueues", {}))).toBeInstanceOf(SqsResponseError);
    expect(clock.pendingTimers).toBe(0);
    await close();
  });

  it.each([301, 302, 307, 308])("does not follow a redirect (%d)", async (status) => {
    await using bench = await Bench.open();
    await using other = await FaultServer.start();
    bench.server.always(text("", { location: other.origin }, status));
    const error = await rejection(bench.drive(bench.sqs.call("SendMessage", send)));
    expect(error).toBeInstanceOf(SqsResponseError);
    expect(String(error)).toContain(`a redirect (HTTP ${status})`);
    expect(other.requests).toEqual([]);
  });

  it("stops reading an answer without end", async () => {
    await using bench = await Bench.open({ maxAttempts: 1 });
    let written = 0;
    bench.server.next((response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(1_048_576, "x");
      const pump = (): void => {
        if (response.destroyed || written >= 256) return;
        written++;
        response.write(chunk, pump);
      };
      pump();
    });
    const error = await rejection(bench.sqs.call("ListQueues", {}));
    expect(error).toBeInstanceOf(SqsResponseError);
    expect(String(error)).toContain("larger than 67108864 bytes");
    await bench.server.closed(0);
    expect(written).toBeLessThan(120);
  });

  it("does not begin to read an answer that announces too much", async () => {
    await using bench = await Bench.open({ maxAttempts: 1 });
    bench.server.next((response) => {
      response.writeHead(200, { "content-length": String(2 ** 40) });
      response.flushHeaders();
    });
    expect(String(await rejection(bench.sqs.call("ListQueues", {})))).toContain("larger than");
  });

  it("survives JSON nested a hundred thousand deep, in a member it knows and in one it does not", async () => {
    await using bench = await Bench.open({ maxAttempts: 1 });
    const deep = "[".repeat(1e5) + "]".repeat(1e5);
    bench.server.next(text(`{"Messages":${deep}}`), text(`{"Unknown":${deep}}`));
    expect(await rejection(bench.sqs.call("ReceiveMessage", receive))).toBeInstanceOf(
      SqsResponseError,
    );
    await bench.sqs.call("ReceiveMessage", receive);
  });

  it.each([
    ["ReceiveMessage", { Messages: {} }],
    ["ReceiveMessage", { Messages: [null] }],
    ["ReceiveMessage", { Messages: ["m"] }],
    ["ReceiveMessage", { Messages: [{ Body: 1 }] }],
    ["ReceiveMessage", { Messages: [{ ReceiptHandle: {} }] }],
    ["ReceiveMessage", { Messages: [{ Attributes: [] }] }],
    ["ReceiveMessage", { Messages: [{ MessageAttributes: { a: "x" } }] }],
    ["DeleteMessageBatch", { Successful: "all" }],
    ["DeleteMessageBatch", { Successful: [], Failed: [1] }],
    ["ChangeMessageVisibilityBatch", { Failed: { 0: {} } }],
    ["GetQueueUrl", { QueueUrl: 7 }],
    ["GetQueueAttributes", { Attributes: "none" }],
    ["ListQueues", { QueueUrls: [1] }],
  ] as const)("rejects an answer of %s of the wrong shape: %j", async (operation, answer) => {
    await using bench = await Bench.open({ maxAttempts: 1 });
    bench.server.next(json(answer));
    const input = { QueueUrl: send.QueueUrl, QueueName: "q", Entries: [] };
    expect(await rejection(bench.sqs.call(operation, input))).toBeInstanceOf(SqsResponseError);
  });

  it("takes null for absent, and an answer without a body for an empty one", async () => {
    await using bench = await Bench.open();
    bench.server.next(json({ Messages: null }), text(""));
    expect(await bench.sqs.call("ReceiveMessage", receive)).toEqual({});
    const input = { QueueUrl: send.QueueUrl, ReceiptHandle: "r" };
    expect(await bench.sqs.call("DeleteMessage", input)).toEqual({});
  });

  it("waits for the answer behind an interim one", async () => {
    await using bench = await Bench.open();
    bench.server.next((response, request) => {
      response.writeEarlyHints({ link: "</x>; rel=preload" });
      json({ MessageId: "m-1" })(response, request);
    });
    expect(await bench.sqs.call("SendMessage", send)).toEqual({ MessageId: "m-1" });
  });
});
