/**
 * What the compiler knows of a consumer: bodies from schemas, strings without, and what it refuses. The
 * assertions are checked when the tests are compiled; running them shows that none throws.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Consumer, deadLetter, exponentialBackoff, release, retry } from "millrace";
import type {
  ConsumerEvents,
  ConsumerHealth,
  ConsumerOptions,
  ConsumerStats,
  Handler,
  HandlerContext,
  Message,
  Outcome,
  RetryPolicy,
  StopReport,
} from "millrace";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";

const queue = "jobs";
const Reservation = z.object({
  seat: z.string(),
  price: z.coerce.number(),
  note: z.optional(z.string()),
});

describe("a body", () => {
  it("is a string without a schema", () => {
    const consumer = new Consumer({
      queue,
      handle: (message, context) => {
        expectTypeOf(message).toEqualTypeOf<Message>();
        expectTypeOf(message.body).toEqualTypeOf<string>();
        expectTypeOf(context).toEqualTypeOf<HandlerContext>();
      },
    });
    expectTypeOf(consumer).toEqualTypeOf<Consumer>();
  });

  it("is the schema's output, not its input", () => {
    const consumer = new Consumer({
      queue,
      schema: Reservation,
      handle: (message) => {
        expectTypeOf(message.body).toEqualTypeOf<{
          seat: string;
          price: number;
          note?: string | undefined;
        }>();
        expectTypeOf(message.rawBody).toEqualTypeOf<string>();
      },
    });
    expectTypeOf(consumer).toEqualTypeOf<Consumer<z.output<typeof Reservation>>>();
  });

  it("is the output of any Standard Schema", () => {
    const schema: StandardSchemaV1<string, Date> = {
      "~standard": {
        version: 1,
        vendor: "mine",
        validate: (value) => ({ value: new Date(String(value)) }),
      },
    };
    const consumer = new Consumer({
      queue,
      schema,
      handle: ({ body }) => {
        expectTypeOf(body).toEqualTypeOf<Date>();
      },
    });
    expectTypeOf(consumer).toEqualTypeOf<Consumer<Date>>();
  });

  it("cannot be claimed without a schema", () => {
    // @ts-expect-error -- nothing would make it a number
    const claimed = new Consumer<number>({ queue, handle: () => {} });
    // @ts-expect-error -- nor an object, by way of the handler
    const handled = new Consumer({ queue, handle: (message: Message<{ a: 1 }>) => message.body.a });
    expect([claimed, handled]).toHaveLength(2);
    const unknownBody = new Consumer<unknown>({ queue, handle: () => {} });
    expectTypeOf(unknownBody).toEqualTypeOf<Consumer<unknown>>();
  });

  it("must fit the handler", () => {
    const mismatched = new Consumer({
      queue,
      // @ts-expect-error -- the schema answers no such thing
      schema: Reservation,
      handle: (message: Message<{ row: number }>) => message.body.row,
    });
    const fitting: Handler<z.output<typeof Reservation>> = ({ body }) => body.price;
    expect([
      mismatched,
      new Consumer({ queue, schema: Reservation, handle: fitting }),
    ]).toHaveLength(2);
  });
});

describe("options", () => {
  it("are refused by the compiler when they are none, or of another kind", () => {
    const handle = (): void => {};
    const makes = [
      // @ts-expect-error -- no queue
      () => new Consumer({ handle }),
      // @ts-expect-error -- no handler
      () => new Consumer({ queue }),
      // @ts-expect-error -- misspelt
      () => new Consumer({ queue, handle, concurency: 5 }),
      // @ts-expect-error -- a string
      () => new Consumer({ queue, handle, concurrency: "5" }),
      // @ts-expect-error -- no policy
      () => new Consumer({ queue, handle, retry: 5 }),
    ];
    for (const make of makes) expect(make).toThrow(/must be/);
    // What these answer is found out when they are asked.
    const laterFaults = [
      // @ts-expect-error -- an async policy
      new Consumer({ queue, handle, retry: async () => Promise.resolve(5) }),
      // @ts-expect-error -- no number
      new Consumer({ queue, handle, limits: [() => "5"] }),
    ];
    expect(laterFaults).toHaveLength(2);
  });

  it("take what the documentation shows", () => {
    const options: ConsumerOptions<string> = {
      queue,
      handle: async (message, { signal }) => {
        if (signal.aborted) return release();
        if (message.receiveCount > 3) return deadLetter({ reason: "three times" });
        return retry({ afterSeconds: 5, reason: "busy" });
      },
      retry: exponentialBackoff({ baseSeconds: 1, maxSeconds: 900 }),
      limits: [() => 5, () => Promise.resolve(Infinity)],
      logger: console,
    };
    expectTypeOf(new Consumer(options)).toEqualTypeOf<Consumer>();
    expectTypeOf(exponentialBackoff()).toEqualTypeOf<RetryPolicy>();
  });
});

describe("what a consumer answers", () => {
  it("is typed", () => {
    expectTypeOf<Consumer["start"]>().toEqualTypeOf<() => Promise<void>>();
    expectTypeOf<Consumer["stop"]>().returns.toEqualTypeOf<Promise<StopReport>>();
    expectTypeOf<Consumer["stats"]>().returns.toEqualTypeOf<ConsumerStats>();
    expectTypeOf<Consumer["health"]>().returns.toEqualTypeOf<ConsumerHealth>();
    expectTypeOf<Consumer>().toExtend<AsyncDisposable>();
  });

  it("events are typed by name", () => {
    const consumer = new Consumer({ queue, handle: () => {} });
    consumer.on("failed", ({ message, error, outcome }) => {
      expectTypeOf(message).toEqualTypeOf<Message<unknown>>();
      expectTypeOf(error).toEqualTypeOf<Error>();
      expectTypeOf(outcome).toEqualTypeOf<Outcome>();
    });
    consumer.on("stateChanged", async ({ to }) => {
      expectTypeOf(to).toEqualTypeOf<ConsumerHealth["status"]>();
      await Promise.resolve();
    });
    // @ts-expect-error -- no such event
    consumer.on("succeeded", () => {});
    expectTypeOf<keyof ConsumerEvents>().toEqualTypeOf<
      | "received"
      | "started"
      | "acknowledged"
      | "retried"
      | "released"
      | "deadLettered"
      | "failed"
      | "leaseLost"
      | "pollFailed"
      | "settleFailed"
      | "stateChanged"
    >();
  });

  it("messages cannot be changed", () => {
    const check = (message: Message): void => {
      // @ts-expect-error -- readonly
      message.body = "other";
      // @ts-expect-error -- readonly
      message.attributes["a"] = "b";
    };
    expectTypeOf(check).parameter(0).toEqualTypeOf<Message>();
  });
});
