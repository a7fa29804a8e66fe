/**
 * What a handler throws in a thread, and what of it arrives: all that can be copied, and for the rest a
 * text that says what it was.
 */
import { LeaseLostError, MillraceError, OptionError } from "millrace";
import { inThreads } from "millrace/threads";
import type { ThreadsHandler } from "millrace/threads";
import { afterAll, beforeAll, expect, it } from "vitest";
import { context, errorOf, handlers, message, outcomes, threadsOf } from "./bench.ts";

let handle: ThreadsHandler;
beforeAll(() => {
  handle = inThreads(handlers, { export: "fail", threads: 1 });
});
afterAll(() => handle.stop());

/** What arrives of what the fixture throws under that name. */
function arriving(body: string): Promise<unknown> {
  return errorOf(handle(message(body), context()));
}

it("an error of a class: name, message, stack, cause, code and fields", async () => {
  const error = (await arriving("odd")) as Error & Record<string, unknown>;
  expect(error).toBeInstanceOf(Error);
  expect(error.stack).toContain("handlers.mjs");
  expect(Object.getOwnPropertyDescriptor(error, "stack")?.enumerable).toBe(false);
  expect(error.cause).toBeInstanceOf(TypeError);
  expect((error.cause as Error).stack).toContain("handlers.mjs");
  expect(error["inner"]).toBeInstanceOf(RangeError);
  expect(error).toMatchObject({
    name: "OddError",
    message: "odd",
    code: "ODD",
    table: "seats",
    when: new Date(0),
    bytes: new Uint8Array([1, 2]),
    callback: "a function onDone",
    inner: { message: "inside" },
    cause: { message: "its cause", cause: "a text" },
  });
});

it("an error of Millrace is one of its class", async () => {
  const own = threadsOf("outcome", {}, outcomes);
  const error = await errorOf(own(message("throw"), context()));
  expect(error).toBeInstanceOf(LeaseLostError);
  expect(MillraceError.is(error)).toBe(true);
  expect(error).toMatchObject({ name: "LeaseLostError", code: "LEASE_LOST", messageId: "m1" });
});

it("an error of any option, which is one of its class", async () => {
  const own = threadsOf("oursThrown", {}, outcomes);
  const error = await errorOf(own(message("option"), context()));
  expect(error).toBeInstanceOf(OptionError);
  expect(error).toMatchObject({ name: "OptionError", code: "INVALID_OPTION", received: -1 });
});

it.each([
  ["message", { name: "InvalidMessageError", code: "INVALID_MESSAGE", field: "body" }],
  ["send", { name: "SendFailedError", code: "SEND_FAILED", attempts: 2, mayBeSent: true }],
  ["channel", { name: "ChannelClosedError", code: "CHANNEL_CLOSED" }],
  ["sqs", { name: "SqsTimeoutError", code: "SQS_TIMEOUT", operation: "SendMessage" }],
])("an error of another part of Millrace, %s, which is a MillraceError", async (body, expected) => {
  const own = threadsOf("oursThrown", {}, outcomes);
  const error = await errorOf(own(message(body), context()));
  expect(error).toBeInstanceOf(MillraceError);
  expect(MillraceError.is(error)).toBe(true);
  expect(error).toMatchObject(expected);
});

it("an AggregateError, with what it gathers", async () => {
  const error = (await arriving("aggregate")) as AggregateError;
  expect(error).toBeInstanceOf(AggregateError);
  expect(error.errors).toHaveLength(4);
  expect(error.errors[0]).toBeInstanceOf(RangeError);
  expect(error.errors[1]).toBe("two");
  expect(error.errors[2]).toBe(error.errors[3]);
});

it("errors that refer to one another in a circle", async () => {
  const error = (await arriving("circular")) as Error & { readonly self: unknown };
  expect(error.self).toBe(error);
  expect((error.cause as Error).cause).toBe(error);
});

it("an error whose properties throw when read", async () => {
  expect(await arriving("hostile")).toMatchObject({
    message: "(cannot be read)",
    detail: "(cannot be read)",
  });
});

it("an error with a list that objects to being gone through", async () => {
  expect(await arriving("hostileList")).toMatchObject({
    message: "hostile",
    errors: [expect.objectContaining({ message: "one" }), "two"],
  });
});

it("a chain of causes too long for any stack", async () => {
  let error: unknown = await arriving("deep");
  let length = 0;
  for (; error instanceof Error; error = error.cause) length += 1;
  expect(length).toBeGreaterThan(10);
  expect(error).toBe("an object Error");
});

it("errors in what a Promise.allSettled has gathered", async () => {
  const { results } = (await arriving("settled")) as Error & { readonly results: unknown[] };
  expect(results).toMatchObject([
    { status: "fulfilled", value: 1 },
    { status: "rejected", reason: { name: "OddError", code: "ODD", message: "one of two" } },
  ]);
});

it("errors in objects and lists, and beside them what can be copied and what cannot", async () => {
  const { seats, ...rest } = (await arriving("nested")) as { readonly seats: unknown[] };
  expect(seats).toMatchObject([{ error: { name: "OddError", code: "ODD", message: "inside" } }]);
  expect(rest).toEqual({ at: new Date(0), call: "a function call" });
});

it("objects that refer to one another in a circle", async () => {
  interface Order {
    readonly lines: ReadonlyArray<{ readonly order: Order; readonly error: Error }>;
    readonly error: Error;
  }
  const order = (await arriving("around")) as Order;
  expect(order.error).toBeInstanceOf(RangeError);
  expect(order.lines[0]?.order).toBe(order);
  expect(order.lines[0]?.error).toBe(order.error);
});

it("objects too deep to be gone through", async () => {
  let data = (await arriving("deepData")) as Record<string, unknown>;
  while (data["inner"] !== undefined) data = data["inner"] as Record<string, unknown>;
  expect(data).toMatchObject({ error: { message: "the deepest" }, list: [1] });
});

it("an AbortError of the web platform", async () => {
  expect(await arriving("dom")).toMatchObject({ name: "AbortError", message: "was aborted" });
});

it.each([
  ["text", "a text"],
  ["nothing", undefined],
  ["null", null],
  ["object", { status: 503, list: [1] }],
  ["function", "a function namedFunction"],
  ["symbol", "Symbol(sign)"],
  ["uncloneable", { socket: "a function socket", status: 503 }],
  ["proxy", "a object that cannot be shown"],
])("what is no error: %s", async (body, expected) => {
  expect(await arriving(body)).toEqual(expected);
});
