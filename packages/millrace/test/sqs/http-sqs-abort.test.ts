import { EventEmitter, getEventListeners, once } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { SqsTimeoutError } from "../../src/sqs/errors.ts";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";
import { Bench, credentials, rejection } from "./bench.ts";
import { hold, json, refusal, silence } from "./fault-server.ts";

const queue = { QueueUrl: "http://queue.test/000000000000/orders" } as const;
const receive = { ...queue, WaitTimeSeconds: 20 } as const;
const reason = new Error("stop");

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

/** Resolves once the client signs with the time of that Date. */
async function headSeen({ sqs, server, clock }: Bench): Promise<void> {
  const date = (): string => String(server.requests.at(-1)?.headers["x-amz-date"]);
  do {
    await clock.settle();
    await sqs.call("ListQueueTags", queue);
  } while (!date().startsWith("1970"));
}

describe("HttpSqs, aborted", () => {
  it("sends nothing when the signal has aborted before", async () => {
    await using bench = await Bench.open();
    const signal = AbortSignal.abort(reason);
    expect(await rejection(bench.sqs.call("ReceiveMessage", receive, { signal }))).toBe(reason);
    expect(bench.sqs.requestCounts()).toEqual({});
  });

  it("hangs up a long poll that has brought nothing", async () => {
    await using bench = await Bench.open();
    const { server, sqs } = bench;
    server.next(silence);
    const controller = new AbortController();
    const { signal } = controller;
    const call = rejection(sqs.call("ReceiveMessage", receive, { signal }));
    await server.received(1);
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(listeners(signal)).toBe(0);
    await server.closed(0);
  });

  it("stops waiting between attempts", async () => {
    await using bench = await Bench.open();
    const { server, sqs, clock } = bench;
    server.next(refusal("InternalError", { status: 500 }));
    const controller = new AbortController();
    const { signal } = controller;
    const call = rejection(sqs.call("ListQueues", {}, { signal }));
    await server.received(1);
    while (clock.nextTimerMs() !== 25) await clock.settle();
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(listeners(signal)).toBe(0);
    expect(server.requests).toHaveLength(1);
  });

  it("stops waiting for credentials, which others may still wait for", async () => {
    const provided = new EventEmitter();
    let calls = 0;
    await using bench = await Bench.open({
      credentials: async () => {
        calls++;
        await once(provided, "given");
        return credentials;
      },
    });
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = rejection(bench.sqs.call("ListQueues", {}, { signal }));
    const patient = bench.sqs.call("ListQueues", {});
    await bench.clock.settle();
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(listeners(signal)).toBe(0);
    provided.emit("given");
    expect(await patient).toEqual({});
    expect(calls).toBe(1);
  });

  it("takes nothing from the budget of retries when the reason is a fault itself", async () => {
    await using bench = await Bench.open();
    const { server, sqs } = bench;
    const deadline = new SqsTimeoutError("ListQueues", 1);
    server.always(silence);
    for (let call = 1; call <= 36; call++) {
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = rejection(sqs.call("ListQueues", {}, { signal }));
      await server.received(call);
      controller.abort(deadline);
      expect(await aborted).toBe(deadline);
    }
    server.always(json({}));
    server.next(refusal("InternalError", { status: 500 }));
    expect(await bench.drive(sqs.call("ListQueues", {}))).toEqual({});
  });

  it("leaves no listener behind on a signal that outlives many calls", async () => {
    await using bench = await Bench.open();
    const { signal } = new AbortController();
    for (let call = 0; call < 20; call++) await bench.sqs.call("ListQueues", {}, { signal });
    bench.server.always(refusal("AccessDenied", { status: 403 }));
    for (let call = 0; call < 20; call++) {
      await rejection(bench.sqs.call("ListQueues", {}, { signal }));
    }
    expect(listeners(signal)).toBe(0);
  });

  describe("while an answer is arriving", () => {
    const answer = JSON.stringify({ Messages: [{ MessageId: "m-1", Body: "hello" }] });

    async function halfAnswered(
      bench: Bench,
      operation: "ReceiveMessage" | "ListQueues",
      status = 200,
    ): Promise<{ call: Promise<unknown>; abort: () => void; response: ServerResponse }> {
      const { server, sqs } = bench;
      const controller = new AbortController();
      const { signal } = controller;
      let response: ServerResponse | undefined;
      server.next((half) => {
        response = half;
        half.writeHead(status, { date: "Thu, 01 Jan 1970 00:00:00 GMT" });
        half.write(answer.slice(0, 10));
      });
      server.always((other) => {
        other.sendDate = false;
        other.end("{}");
      });
      const call = sqs.call(operation, receive, { signal });
      call.catch(() => {});
      await server.received(1);
      // The head's Date moves the client's clock for signatures: that is how it shows that it has come.
      await headSeen(bench);
      if (response === undefined) throw new Error("no request came");
      return { call, abort: () => controller.abort(reason), response };
    }

    it("hands over what a receive was bringing: it is in flight, and must be given back", async () => {
      await using bench = await Bench.open();
      const { call, abort, response } = await halfAnswered(bench, "ReceiveMessage");
      abort();
      response.end(answer.slice(10));
      expect(await call).toEqual({ Messages: [{ MessageId: "m-1", Body: "hello" }] });
    });

    it("waits a second for the rest, not longer", async () => {
      await using bench = await Bench.open();
      const { call, abort } = await halfAnswered(bench, "ReceiveMessage");
      abort();
      await bench.clock.advance(1_000);
      expect(await rejection(call)).toBe(reason);
      await bench.server.closed(0);
    });

    it("rejects with the reason when the rest breaks off", async () => {
      await using bench = await Bench.open();
      const { call, abort, response } = await halfAnswered(bench, "ReceiveMessage");
      abort();
      response.destroy();
      expect(await rejection(call)).toBe(reason);
    });

    it("drops the answer of any other operation, and an error's", async () => {
      await using bench = await Bench.open();
      for (const [operation, status] of [
        ["ListQueues", 200],
        ["ReceiveMessage", 500],
      ] as const) {
        bench.server.requests.length = 0;
        const { call, abort } = await halfAnswered(bench, operation, status);
        abort();
        expect(await rejection(call)).toBe(reason);
      }
    });
  });
});

describe("HttpSqs.close", () => {
  it("lets calls under way end, refuses new ones, and closes every connection", async () => {
    await using bench = await Bench.open();
    const { server, sqs } = bench;
    const held = hold(json({ QueueUrls: ["a"] }));
    server.next(held.reply);
    const call = sqs.call("ListQueues", {});
    await server.received(1);
    const closed = sqs.close();
    expect(sqs.close()).toBe(closed);
    expect(await rejection(sqs.call("ListQueues", {}))).toMatchObject({
      code: "SQS_BAD_REQUEST",
      message: "ListQueues: this HttpSqs is closed",
    });
    held.release();
    expect(await call).toEqual({ QueueUrls: ["a"] });
    await closed;
    await server.connected(0);
  });

  it("has nothing to do when no call was made", async () => {
    const sqs = new HttpSqs();
    expect(await Promise.all([sqs.close(), sqs[Symbol.asyncDispose]()])).toHaveLength(2);
  });
});
