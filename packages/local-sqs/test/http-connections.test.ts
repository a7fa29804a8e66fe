import { once } from "node:events";
import type { Socket } from "node:net";
import { ListenError, SqsService, startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSocket, RawClient, requestText } from "./raw-client.ts";
import { aborted, ScriptedService } from "./scripted-service.ts";

let service: ScriptedService;
let server: LocalSqs;
let client: RawClient;

beforeEach(async () => {
  service = new ScriptedService();
  server = await startLocalSqs({ port: 0, service });
  client = new RawClient(server.endpoint);
});

afterEach(async () => {
  client.close();
  await server.stop();
});

const queueUrl = "http://127.0.0.1/000000000000/q";
const poll = JSON.stringify({ QueueUrl: queueUrl, WaitTimeSeconds: 20 });

function messages(count: number, body = "b"): object {
  return {
    Messages: Array.from({ length: count }, (_, index) => ({
      ReceiptHandle: `handle ${index}`,
      Body: body,
    })),
  };
}

function givenBack(count: number): object {
  return {
    operation: "ChangeMessageVisibilityBatch",
    input: {
      QueueUrl: queueUrl,
      Entries: Array.from({ length: count }, (_, index) => ({
        Id: String(index),
        ReceiptHandle: `handle ${index}`,
        VisibilityTimeout: 0,
      })),
    },
  };
}

/** Resolves when a socket is closed, in whichever way. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.resume();
    socket.on("error", () => {});
    socket.once("close", () => resolve());
  });
}

/** Everything that a socket is sent until `marker` has come `times` times. */
async function readUntil(socket: Socket, marker: string, times: number): Promise<string> {
  let text = "";
  while (text.split(marker).length <= times) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    text += chunk.toString();
  }
  return text;
}

describe("a client that hangs up", () => {
  it("while it waits ends its call", async () => {
    const leaving = new AbortController();
    const answer = client.send({ operation: "ReceiveMessage", body: poll, signal: leaving.signal });
    const call = await service.next();
    expect(call.signal?.aborted).toBe(false);
    leaving.abort();
    await expect(answer).rejects.toThrow("aborted");
    const reason = await aborted(call.signal);
    expect(reason).toBeInstanceOf(Error);
    call.reject(reason);
  });

  it("with half a connection ends its call too", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ReceiveMessage", poll));
    const call = await service.next();
    socket.end();
    const reason = await aborted(call.signal);
    expect(reason).toBeInstanceOf(Error);
    call.reject(reason);
    socket.destroy();
  });

  it("gets nothing of what the service brings all the same", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ReceiveMessage", poll));
    const call = await service.next();
    socket.destroy();
    await aborted(call.signal);
    call.resolve(messages(2));
    const giving = await service.next();
    expect(giving).toMatchObject(givenBack(2));
    giving.resolve({});
    await server.stop();
    expect(service.calls).toHaveLength(2);
  });

  it("just before messages come does not take them", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ReceiveMessage", poll));
    const call = await service.next();
    // In one go: the server cannot have heard the one when the other comes.
    socket.destroy();
    call.resolve(messages(3));
    const giving = await service.next();
    expect(giving).toMatchObject(givenBack(3));
    giving.resolve({});
    await server.stop();
    expect(service.calls).toHaveLength(2);
  });

  it("with the answer half read does not take its messages", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ReceiveMessage", poll));
    const call = await service.next();
    // More than the system's buffers hold, so that its end is still here when the client goes.
    call.resolve(messages(10, "x".repeat(4_000_000)));
    await once(socket, "readable");
    socket.destroy();
    const giving = await service.next();
    expect(giving).toMatchObject(givenBack(10));
    giving.resolve({});
    await server.stop();
    expect(service.calls).toHaveLength(2);
  });

  it("with the answer in hand keeps its messages", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ReceiveMessage", poll));
    const call = await service.next();
    call.resolve(messages(1));
    await readUntil(socket, "handle 0", 1);
    socket.destroy();
    await once(socket, "close");
    await server.stop();
    expect(service.calls).toHaveLength(1);
  });

  it("leaves no trace when messages cannot be given back", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ReceiveMessage", poll));
    const call = await service.next();
    socket.destroy();
    call.resolve(messages(1));
    (await service.next()).reject(new Error("the queue is gone"));
    await server.stop();
    expect(service.calls).toHaveLength(2);
  });

  it("within its request has asked for nothing", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("SendMessage", "{}").slice(0, -1));
    socket.resume().end();
    await once(socket, "close");
    await server.stop();
    expect(service.calls).toEqual([]);
  });
});

describe("a connection", () => {
  it("serves one request after the other", async () => {
    for (let round = 0; round < 50; round += 1) {
      const answer = client.send();
      (await service.next()).resolve({});
      expect((await answer).status).toBe(200);
    }
    expect(client.connections).toBe(1);
  });

  it("takes requests before their forerunners are answered, and answers in order", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ListQueues", "{}") + requestText("ListQueues", "{}"));
    const first = await service.next();
    const second = await service.next();
    second.resolve({ QueueUrls: ["second"] });
    first.resolve({ QueueUrls: ["first"] });
    const text = await readUntil(socket, "QueueUrls", 2);
    expect(text.indexOf("first")).toBeLessThan(text.indexOf("second"));
    socket.destroy();
  });

  it("ends the calls of all its requests when it closes", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write(requestText("ReceiveMessage", poll) + requestText("ReceiveMessage", poll));
    const first = await service.next();
    const second = await service.next();
    socket.destroy();
    const reasons = await Promise.all([aborted(first.signal), aborted(second.signal)]);
    expect(reasons).toEqual([expect.any(Error), expect.any(Error)]);
    for (const call of [first, second]) call.reject(reasons[0]);
  });

  it("that speaks no HTTP is told so and closed", async () => {
    const socket = await openSocket(server.endpoint);
    socket.write("EHLO localhost\r\n\r\n");
    expect(await readUntil(socket, "400 Bad Request", 1)).toContain("HTTP/1.1 400");
    if (!socket.closed) await once(socket, "close");
  });
});

describe("stop", () => {
  it("cuts polls that wait, requests half sent and idle connections, and frees the port", async () => {
    const cut = client
      .send({ operation: "ReceiveMessage", body: poll })
      .catch((error: unknown) => error);
    const call = await service.next();
    const idle = await openSocket(server.endpoint);
    const half = await openSocket(server.endpoint);
    half.write(requestText("ListQueues", "{}").slice(0, -1));
    const closed = Promise.all([closing(idle), closing(half)]);

    let stopped = false;
    const stopping = server.stop().then(() => (stopped = true));
    const reason = await aborted(call.signal);
    await closed;
    expect(await cut).toMatchObject({ code: "ECONNRESET" });
    // The call of the poll is still running.
    expect(stopped).toBe(false);
    call.reject(reason);
    await stopping;

    const next = await startLocalSqs({ port: server.port, service: new ScriptedService() });
    await next.stop();
  });

  it("may be called again, and at once", async () => {
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    await expect(client.send()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("is what leaving a scope does", async () => {
    let endpoint = "";
    {
      await using scoped = await startLocalSqs({ port: 0, service });
      endpoint = scoped.endpoint;
    }
    const late = new RawClient(endpoint);
    await expect(late.send()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    late.close();
  });
});

describe("a port", () => {
  it("that is taken is named, with the cause kept", async () => {
    const starting = startLocalSqs({ port: server.port, service });
    await expect(starting).rejects.toBeInstanceOf(ListenError);
    await expect(starting).rejects.toMatchObject({
      code: "PORT_TAKEN",
      port: server.port,
      host: "127.0.0.1",
      message: `port ${server.port} of 127.0.0.1 is taken; choose another, or 0 for any free one`,
      cause: { code: "EADDRINUSE" },
    });
  });

  it("of a host that is not here is an error of its own", async () => {
    const starting = startLocalSqs({ port: 0, host: "203.0.113.1", service });
    await expect(starting).rejects.toMatchObject({
      code: "CANNOT_LISTEN",
      cause: { code: "EADDRNOTAVAIL" },
    });
  });

  it("belongs to one server of several", async () => {
    const otherService = new ScriptedService((call) => call.resolve({ QueueUrls: ["other"] }));
    const other = await startLocalSqs({ port: 0, service: otherService });
    const otherClient = new RawClient(other.endpoint);
    const answer = client.send();
    (await service.next()).resolve({ QueueUrls: ["one"] });
    expect((await answer).json()).toEqual({ QueueUrls: ["one"] });
    expect((await otherClient.send()).json()).toEqual({ QueueUrls: ["other"] });
    expect(other.endpoint).not.toBe(server.endpoint);
    otherClient.close();
    await other.stop();
  });
});

describe("options that cannot work", () => {
  it.each<[string, object]>([
    ["port", { port: -1 }],
    ["port", { port: 1.5 }],
    ["port", { port: 65_536 }],
    ["host", { port: 0, host: "" }],
    ["accountId", { port: 0, service: new SqsService(), accountId: "123456789012" }],
    [
      "credentials.accessKeyId",
      { port: 0, credentials: { accessKeyId: "", secretAccessKey: "s" } },
    ],
  ])("%s, are refused", async (option, options) => {
    await expect(startLocalSqs(options)).rejects.toMatchObject({ code: "INVALID_OPTION", option });
  });
});
