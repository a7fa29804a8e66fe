/** The fault-injecting proxy, each fault seen by the client that consumers use and by the SQS behind it. */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import {
  HttpSqs,
  SqsConnectionError,
  SqsResponseError,
  SqsServiceError,
  SqsTimeoutError,
} from "millrace";
import type { AwsCredentials, HttpSqsOptions } from "millrace";
import { seededRandom, VirtualClock } from "millrace/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FaultProxy } from "../src/chaos/fault-proxy.ts";
import type { FaultProxyOptions } from "../src/chaos/fault-proxy.ts";
import { FaultSource, evenRates, faultKinds } from "../src/chaos/faults.ts";
import type { FaultKind } from "../src/chaos/faults.ts";

let server: LocalSqs;
let queueUrl: string;
let toClose: AsyncDisposable[];

beforeEach(async () => {
  server = await startLocalSqs({ port: 0, queues: ["orders"] });
  queueUrl = server.queueUrl("orders");
  toClose = [];
});

afterEach(async () => {
  for (const each of toClose.toReversed()) await each[Symbol.asyncDispose]();
  await server.stop();
});

/** A proxy that does this to every request. */
async function proxied(
  fault: FaultKind | undefined,
  options: Partial<FaultProxyOptions> = {},
): Promise<FaultProxy> {
  const proxy = await FaultProxy.start({
    upstream: server.endpoint,
    rates: fault === undefined ? {} : { [fault]: 1 },
    random: seededRandom(1),
    ...options,
  });
  toClose.push(proxy);
  return proxy;
}

/** A client that tries once. */
function client(proxy: FaultProxy, options: HttpSqsOptions = {}): HttpSqs {
  const sqs = new HttpSqs({
    endpoint: proxy.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
    ...options,
  });
  toClose.push(sqs);
  return sqs;
}

const send = (sqs: HttpSqs): Promise<unknown> =>
  sqs.call("SendMessage", { QueueUrl: queueUrl, MessageBody: "hello" });

/** What a call rejects with. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
}

/** How many messages the queue holds. */
async function queued(): Promise<number> {
  const { Attributes: attributes } = await server.service.call("GetQueueAttributes", {
    QueueUrl: queueUrl,
    AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
  });
  const visible = Number(attributes?.["ApproximateNumberOfMessages"]);
  return visible + Number(attributes?.["ApproximateNumberOfMessagesNotVisible"]);
}

/** Something to wait for. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const reached = new AbortController();
  const opened = new Promise<void>((resolve) => {
    reached.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return { opened, open: () => reached.abort() };
}

describe("without a fault", () => {
  test("calls pass, also where signatures are checked, and are counted", async () => {
    const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
    await using strict = await startLocalSqs({ port: 0, queues: ["orders"], credentials });
    const proxy = await proxied(undefined, { upstream: strict.endpoint });
    const sqs = client(proxy, { credentials });
    await send(sqs);
    const { Messages: messages = [] } = await sqs.call("ReceiveMessage", { QueueUrl: queueUrl });
    expect(messages.map(({ Body: body }) => body)).toEqual(["hello"]);
    expect(proxy.requests()).toEqual({ SendMessage: 1, ReceiveMessage: 1 });
    expect(proxy.faults()).toEqual({});
  });

  test("a long poll is answered when a message comes", async () => {
    const sqs = client(await proxied(undefined));
    const polled = sqs.call("ReceiveMessage", { QueueUrl: queueUrl, WaitTimeSeconds: 20 });
    await vi.waitFor(() => expect(server.requests().ReceiveMessage).toBe(1));
    await send(sqs);
    expect((await polled).Messages).toHaveLength(1);
  });

  test("a client that hangs up is hung up on SQS: its long poll takes no message", async () => {
    const proxy = await proxied(undefined);
    const abort = new AbortController();
    const polled = client(proxy).call(
      "ReceiveMessage",
      { QueueUrl: queueUrl, WaitTimeSeconds: 20 },
      { signal: abort.signal },
    );
    await vi.waitFor(() => expect(server.requests().ReceiveMessage).toBe(1));
    abort.abort(new Error("enough"));
    await expect(polled).rejects.toThrow("enough");
    await proxy.idle();
    await server.service.call("SendMessage", { QueueUrl: queueUrl, MessageBody: "hello" });
    const receive = { QueueUrl: queueUrl, WaitTimeSeconds: 20 };
    expect((await server.service.call("ReceiveMessage", receive)).Messages).toHaveLength(1);
  });

  test("an SQS that is gone is a connection reset", async () => {
    const sqs = client(await proxied(undefined));
    await send(sqs);
    await server.stop();
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsConnectionError);
  });
});

describe("faults", () => {
  test("resetBefore: the connection breaks, and SQS never heard of it", async () => {
    const sqs = client(await proxied("resetBefore"));
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsConnectionError);
    expect(server.requests()).toEqual({});
  });

  test("resetAfter: the connection breaks, and SQS has done it", async () => {
    const sqs = client(await proxied("resetAfter"));
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsConnectionError);
    expect(await queued()).toBe(1);
  });

  test("blackHole: no answer within the client's deadline, and SQS never heard of it", async () => {
    const clock = new VirtualClock();
    const drawn = gate();
    const proxy = await proxied("blackHole", { onFault: () => drawn.open() });
    const refused = failureOf(send(client(proxy, { clock, requestTimeoutMs: 5_000 })));
    await drawn.opened;
    await clock.advance(5_000);
    expect(await refused).toBeInstanceOf(SqsTimeoutError);
    expect(server.requests()).toEqual({});
    // What the client hung up on is not kept.
    await proxy.idle();
  });

  test.each([
    ["internalError", 500, "InternalFailure", "transient"],
    ["throttled", 400, "RequestThrottled", "throttled"],
    ["expiredToken", 403, "ExpiredTokenException", "denied"],
  ] as const)("%s: refused with %i, not done", async (fault, statusCode, errorName, category) => {
    const error = await failureOf(send(client(await proxied(fault))));
    expect(error).toBeInstanceOf(SqsServiceError);
    expect(error).toMatchObject({ category, statusCode, errorName });
    expect(server.requests()).toEqual({});
  });

  test("unavailable: refused with 503 and text, not done", async () => {
    const error = await failureOf(send(client(await proxied("unavailable"))));
    expect(error).toBeInstanceOf(SqsResponseError);
    expect(String(error)).toMatch("503");
    expect(server.requests()).toEqual({});
  });

  test("expiredToken: a client with fresh credentials asks once more", async () => {
    const proxy = await proxied("expiredToken", { onFault: () => proxy.switchFaults(false) });
    let asked = 0;
    const credentials = async (): Promise<AwsCredentials> => {
      asked += 1;
      return { accessKeyId: `key${asked}`, secretAccessKey: "secret" };
    };
    await send(client(proxy, { credentials }));
    expect(asked).toBe(2);
    expect(proxy.requests()).toEqual({ SendMessage: 2 });
  });

  test("delay: SQS has done it, and the answer comes later", async () => {
    const clock = new VirtualClock();
    const proxy = await proxied("delay", { clock, random: () => 0.5, maxDelayMs: 4_000 });
    let answered = false;
    const sent = send(client(proxy)).finally(() => {
      answered = true;
    });
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    expect(await queued()).toBe(1);
    await clock.advance(1_999);
    expect(answered).toBe(false);
    await clock.advance(1);
    await sent;
  });

  test("twice: done twice, answered once", async () => {
    await send(client(await proxied("twice")));
    expect(await queued()).toBe(2);
  });

  test("truncated: SQS has done it, and the answer breaks off", async () => {
    const sqs = client(await proxied("truncated"));
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsResponseError);
    expect(await queued()).toBe(1);
  });

  test("garbage: SQS has done it, and the answer makes no sense", async () => {
    const sqs = client(await proxied("garbage"));
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsResponseError);
    expect(await queued()).toBe(1);
  });

  test("html: a page in place of an answer, and SQS never heard of it", async () => {
    const sqs = client(await proxied("html"));
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsResponseError);
    expect(server.requests()).toEqual({});
  });

  test("are counted by kind, and can be switched off and on", async () => {
    const proxy = await proxied("html");
    const sqs = client(proxy);
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsResponseError);
    proxy.switchFaults(false);
    await send(sqs);
    proxy.switchFaults(true);
    await expect(send(sqs)).rejects.toBeInstanceOf(SqsResponseError);
    expect(proxy.faults()).toEqual({ html: 2 });
    expect(proxy.requests()).toEqual({ SendMessage: 3 });
  });
});

test("stop cuts what is open, and frees the port", async () => {
  const drawn = gate();
  const proxy = await proxied("blackHole", { onFault: () => drawn.open() });
  const refused = failureOf(send(client(proxy)));
  await drawn.opened;
  await proxy.stop();
  expect(await refused).toBeInstanceOf(SqsConnectionError);
  await expect(send(client(proxy))).rejects.toBeInstanceOf(SqsConnectionError);
});

describe("the source of faults", () => {
  test("draws each in its share, the same for the same seed", () => {
    const rates = { resetBefore: 0.1, html: 0.2 };
    const draw = (): (FaultKind | undefined)[] => {
      const source = new FaultSource(rates, seededRandom(42));
      return Array.from({ length: 10_000 }, () => source.draw());
    };
    const drawn = draw();
    expect(draw()).toEqual(drawn);
    const share = (kind?: FaultKind): number => drawn.filter((each) => each === kind).length / 1e4;
    expect(share("resetBefore")).toBeCloseTo(0.1, 1);
    expect(share("html")).toBeCloseTo(0.2, 1);
    expect(share("resetBefore") + share("html") + share()).toBeCloseTo(1);
  });

  test("has a share for every kind", () => {
    const source = new FaultSource(evenRates(1 / faultKinds.length), seededRandom(7));
    const drawn = new Set(Array.from({ length: 1_000 }, () => source.draw()));
    expect(drawn).toEqual(new Set(faultKinds));
  });

  test.each([{ html: -0.1 }, { html: Number.NaN }, { html: 0.6, twice: 0.5 }])(
    "refuses %o",
    (rates) => {
      expect(() => new FaultSource(rates, Math.random)).toThrow(RangeError);
    },
  );
});

test("closes the connection of a client that leaves as it is about to be reset", async () => {
  // Its goodbye and SQS's answer reach the proxy at the same moment, the goodbye first.
  const upstream = createServer((_request, response) => {
    socket.end(() => response.end("{}"));
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const port = (url: string): number => Number(new URL(url).port);
  const address = upstream.address();
  if (typeof address !== "object" || address === null) throw new Error("it listens nowhere");
  const proxy = await proxied("resetAfter", { upstream: `http://127.0.0.1:${address.port}` });
  const socket = connect(port(proxy.endpoint), "127.0.0.1");
  socket.on("error", () => {}).resume();
  socket.write("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}");
  await once(socket, "close");
  await proxy.stop();
  upstream.close();
  upstream.closeAllConnections();

  // One that was never closed would keep the whole process from ending.
  const connections = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  await expect.poll(connections).toBe(0);
});
