/**
 * From what SQS answers to what the handler gets: message, attributes, and bodies through schemas of
 * every kind. Fault 32 is the one of other consumers that this is about.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { HandlerTimeoutError, InvalidBodyError, sleep, SqsConnectionError } from "millrace";
import type { Message } from "millrace";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { toMessage } from "../../src/consumer/message.ts";
import { Bench, bodies, only } from "./bench.ts";

const Reservation = z.object({ seat: z.string(), price: z.coerce.number() });

/** A Standard Schema of one's own. */
function schema<Output>(
  validate: (value: unknown) => StandardSchemaV1.Result<Output> | Promise<unknown>,
): StandardSchemaV1<unknown, Output> {
  return {
    "~standard": { version: 1, vendor: "test", validate: validate as never },
  };
}

describe("fault 32: a body that does not parse takes no other message with it", () => {
  it("and is not acknowledged: retried, where there is no dead-letter queue", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      schema: Reservation,
      retry: () => 3_600,
      handle: () => {},
    });
    const good = Array.from({ length: 9 }, (_, index) => `{"seat":"A${index}","price":"12"}`);
    await bench.send(...good.slice(0, 4), "not json", ...good.slice(4));
    await bench.start(consumer);
    expect(only(told, "received")[0]).toMatchObject({ count: 10 });
    await bench.clock.advance(100);
    expect(consumer.stats()).toMatchObject({ acknowledged: 9, failed: 1, retried: 1 });
    const [failed] = only(told, "failed");
    expect(failed?.error).toBeInstanceOf(InvalidBodyError);
    expect(failed).toMatchObject({ message: { body: "not json" }, outcome: { type: "retry" } });
  });

  it("and goes to the dead-letter queue, where there is one", async () => {
    const bench = await Bench.open();
    const dead = await bench.deadLetterQueue();
    const { consumer, told } = bench.consumer({ schema: Reservation, handle: () => {} });
    await bench.send('{"seat":1}', '{"seat":"A1","price":1}');
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().deadLettered === 1, 10_000);
    await bench.clock.advance(100);
    expect(consumer.stats()).toMatchObject({ acknowledged: 1, deadLettered: 1, failed: 1 });
    expect(only(told, "deadLettered")[0]?.reason).toMatch(/seat/);
    expect(await bench.drain(dead)).toEqual(['{"seat":1}']);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });
});

describe("a schema", () => {
  it("gives the handler its output, and keeps the body as it was sent", async () => {
    const bench = await Bench.open();
    const messages: Message<{ seat: string; price: number }>[] = [];
    const { consumer, told } = bench.consumer({
      schema: Reservation,
      handle: (message) => {
        messages.push(message);
      },
    });
    await bench.send('{"seat":"A1","price":"12.50","more":true}');
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(messages).toMatchObject([
      { body: { seat: "A1", price: 12.5 }, rawBody: '{"seat":"A1","price":"12.50","more":true}' },
    ]);
    expect(Object.isFrozen(messages[0])).toBe(true);
    // Events have the raw body before the schema has accepted it, and the parsed one after that.
    expect(bodies(only(told, "started"))).toEqual(['{"seat":"A1","price":"12.50","more":true}']);
    expect(bodies(only(told, "acknowledged"))).toEqual([{ seat: "A1", price: 12.5 }]);
  });

  it("that answers after its message was lost starts no handler", async () => {
    const bench = await Bench.open({ FifoQueue: "true", VisibilityTimeout: "10" });
    bench.sqs.intercept("ChangeMessageVisibilityBatch", () =>
      Promise.reject(new SqsConnectionError("reset", "ChangeMessageVisibilityBatch")),
    );
    const started: [string, number][] = [];
    const { consumer, told } = bench.consumer({
      schema: schema(async (value) => {
        if (started.length === 0 && only(told, "leaseLost").length === 0) {
          await sleep(bench.clock, 12_000);
        }
        return { value };
      }),
      handle: ({ rawBody, receiveCount }) => void started.push([rawBody, receiveCount]),
    });
    await bench.sendTo("a", '"a1"', '"a2"');
    await bench.start(consumer);
    await bench.clock.advance(40_000);
    expect(only(told, "leaseLost").length).toBeGreaterThan(0);
    expect(started.map(([body]) => body)).toEqual(['"a1"', '"a2"']);
    expect(started.every(([, receiveCount]) => receiveCount > 1)).toBe(true);
  });

  it("that answers after the handler's timeout starts no handler: the message is retried", async () => {
    const bench = await Bench.open();
    let handled = 0;
    const { consumer, told } = bench.consumer({
      schema: schema((value) => sleep(bench.clock, 2_000).then(() => ({ value }))),
      handle: () => void (handled += 1),
      handlerTimeoutMs: 1_000,
      retry: () => 3_600,
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(3_000);
    expect(only(told, "failed")[0]?.error).toBeInstanceOf(HandlerTimeoutError);
    expect(consumer.stats()).toMatchObject({ retried: 1, running: 0 });
    expect(handled).toBe(0);
  });

  it("that answers after a stop's deadline starts no handler: the message is released", async () => {
    const bench = await Bench.open();
    let handled = 0;
    const { consumer } = bench.consumer({
      schema: schema((value) => sleep(bench.clock, 2_000).then(() => ({ value }))),
      handle: () => void (handled += 1),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(500);
    const report = await bench.run(consumer.stop({ deadlineMs: 100 }));
    expect(report).toMatchObject({ finished: 0, released: 1, abandoned: 0 });
    expect(handled).toBe(0);
    expect(await bench.depth()).toEqual({ visible: 1, inFlight: 0 });
  });

  it("that never answers in time starts no handler after the stop has resolved", async () => {
    const bench = await Bench.open();
    let handled = 0;
    const { consumer } = bench.consumer({
      schema: schema((value) => sleep(bench.clock, 20_000).then(() => ({ value }))),
      handle: () => void (handled += 1),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(500);
    expect(await bench.run(consumer.stop({ deadlineMs: 100 }))).toMatchObject({ abandoned: 1 });
    await bench.clock.advance(30_000);
    expect(handled).toBe(0);
  });

  it("that is async is waited for", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      schema: z.object({ a: z.number().refine(async (a) => Promise.resolve(a > 1), "too little") }),
      retry: () => 3_600,
      handle: () => {},
    });
    await bench.send('{"a":1}', '{"a":2}');
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(bodies(only(told, "acknowledged"))).toEqual([{ a: 2 }]);
    expect(only(told, "failed")).toMatchObject([{ error: { issues: ["a: too little"] } }]);
  });

  const broken: Record<string, StandardSchemaV1<unknown, unknown>> = {
    "that throws": schema(() => {
      throw new Error("broken");
    }),
    "that throws undefined": schema(() => {
      // oxlint-disable-next-line typescript/only-throw-error -- the point of it
      throw undefined;
    }),
    "that rejects": schema(() => Promise.reject(new Error("broken"))),
    "that answers nothing": schema(() => undefined as never),
    "that answers issues which are no list": schema(() => ({ issues: "many" }) as never),
    "that answers issues which are nothing": schema(() => ({ issues: [undefined] }) as never),
  };

  it.each(Object.entries(broken))(
    "%s is a failure of that message: retried, never acknowledged, never dead-lettered",
    async (_, schemaOfTheirs) => {
      const bench = await Bench.open();
      const dead = await bench.deadLetterQueue();
      const { consumer, told } = bench.consumer<unknown>({
        schema: schemaOfTheirs,
        retry: () => 3_600,
        handle: () => {},
      });
      await bench.send("{}", "[]");
      await bench.start(consumer);
      await bench.clock.advance(1_000);
      expect(consumer.stats()).toMatchObject({ failed: 2, retried: 2, acknowledged: 0 });
      for (const { error } of only(told, "failed")) expect(error).toBeInstanceOf(Error);
      expect(await bench.drain(dead)).toEqual([]);
    },
  );

  it("says which part of a body it refuses", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer<unknown>({
      schema: schema(() => ({
        issues: [
          { message: "is wrong" },
          { message: "is missing", path: ["order", { key: "lines" }, 0] },
        ],
      })),
      handle: () => {},
    });
    await bench.send("{}");
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(only(told, "failed")[0]?.error).toMatchObject({
      code: "INVALID_BODY",
      issues: ["is wrong", "order.lines.0: is missing"],
      message: "the body does not fit the schema: is wrong; order.lines.0: is missing",
    });
  });

  it("may be a function with the interface on it, as arktype's are", async () => {
    const bench = await Bench.open();
    const callable = Object.assign(
      () => {},
      schema((value) => ({ value })),
    );
    const { consumer, told } = bench.consumer<unknown>({ schema: callable, handle: () => {} });
    await bench.send('{"a":1}');
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(bodies(only(told, "acknowledged"))).toEqual([{ a: 1 }]);
  });
});

describe("a message", () => {
  it("has what the producer sent and SQS says of it", async () => {
    const bench = await Bench.open();
    const messages: Message[] = [];
    const { consumer } = bench.consumer({
      retry: () => 1,
      handle: (message) => {
        messages.push(message);
        if (message.receiveCount === 1) throw new Error("again");
      },
    });
    const { MessageId } = await bench.service.call("SendMessage", {
      QueueUrl: bench.queueUrl,
      MessageBody: '{"not":"parsed"} 🎟',
      MessageGroupId: "tenant 1".replace(" ", "-"),
      MessageAttributes: {
        trace: { DataType: "String", StringValue: "abc" },
        price: { DataType: "Number", StringValue: "123456789012345678901234567890" },
        bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(1, 2, 3) },
      },
    });
    const sentAt = new Date(bench.clock.now());
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    expect(messages[0]).toEqual({
      id: MessageId,
      body: '{"not":"parsed"} 🎟',
      rawBody: '{"not":"parsed"} 🎟',
      attributes: Object.assign(Object.create(null), {
        trace: "abc",
        price: "123456789012345678901234567890",
        bytes: Uint8Array.of(1, 2, 3),
      }),
      receiveCount: 1,
      sentAt,
      groupId: "tenant-1",
      queueUrl: bench.queueUrl,
    });
    expect(messages[1]).toMatchObject({ id: MessageId, receiveCount: 2, sentAt });
    expect(Object.isFrozen(messages[0])).toBe(true);
    expect(Object.isFrozen(messages[0]?.attributes)).toBe(true);
  });

  it("is made of whatever a server answers: what is missing gets the mildest value", () => {
    expect(toMessage({}, "url")).toEqual({
      id: "",
      body: "",
      rawBody: "",
      attributes: Object.create(null),
      receiveCount: 1,
      sentAt: new Date(0),
      queueUrl: "url",
    });
    const odd = {
      Body: 5,
      Attributes: { ApproximateReceiveCount: "-3", SentTimestamp: "soon" },
      MessageAttributes: { a: null, b: {}, c: { StringValue: "c" } },
    };
    expect(toMessage(odd as never, "url")).toMatchObject({ rawBody: "", receiveCount: 1 });
    expect(Object.entries(toMessage(odd as never, "url").attributes)).toEqual([["c", "c"]]);
  });

  it("may have an attribute whose name means something to JavaScript", () => {
    const MessageAttributes = JSON.parse(
      '{"__proto__":{"DataType":"String","StringValue":"x"},"constructor":{"DataType":"String","StringValue":"y"}}',
    ) as never;
    const { attributes } = toMessage({ MessageAttributes }, "url");
    expect(attributes["__proto__"]).toBe("x");
    expect(attributes["constructor"]).toBe("y");
    expect(attributes["toString"]).toBeUndefined();
  });
});
