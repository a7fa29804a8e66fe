/**
 * Calls of a handler in real threads, when nothing goes wrong: what crosses, where it runs, and how many at
 * once.
 */
import { SHARE_ENV } from "node:worker_threads";
import { deadLetter, HandlerTimeoutError, LeaseLostError, release, retry } from "millrace";
import { expect, it } from "vitest";
import { context, errorOf, heardOf, message, outcomes, threadsOf } from "./bench.ts";
import type { Logged } from "./bench.ts";

it("runs the default export, and answers what it returned", async () => {
  const handle = threadsOf("default");
  expect(await handle(message("hello"), context())).toBe("hello");
  expect(await handle(message({ seat: ["A1"] }), context())).toEqual({ seat: ["A1"] });
});

it("a message and its context arrive as they were sent", async () => {
  const handle = threadsOf("look");
  const attributes: Record<string, string | Uint8Array> = Object.create(null);
  attributes["__proto__"] = "a name like any other";
  attributes["photo"] = Buffer.from([0, 255, 128]);
  const sent = message(
    { at: new Date(5), tags: new Set(["a"]), big: 10n },
    {
      attributes: Object.freeze(attributes),
      receiveCount: 4,
      groupId: "g",
      deduplicationId: "d",
      idempotencyKey: "k",
      sequenceNumber: "18849496460467696128",
    },
  );
  const seen = (await handle(sent, context())) as Record<string, unknown>;
  expect(seen).toMatchObject({
    message: {
      ...sent,
      attributes: { photo: new Uint8Array([0, 255, 128]) },
    },
    attributeKeys: ["__proto__", "photo"],
    attributesHavePrototype: false,
    frozen: true,
    sentAtIsDate: true,
    contextKeys: ["signal", "worker", "logger"],
    signal: true,
    worker: 3,
  });
  // Left out stays left out.
  const plain = (await handle(message("x"), context())) as { readonly message: object };
  expect(Object.keys(plain.message)).toEqual(Object.keys(message("x")));
});

it("of binary attributes only their own bytes are copied", async () => {
  const handle = threadsOf("look");
  const view = Buffer.from("a long text that shares its memory").subarray(2, 6);
  const seen = (await handle(message("x", { attributes: { view } }), context())) as {
    readonly message: { readonly attributes: { readonly view: Uint8Array } };
  };
  expect(seen.message.attributes.view).toEqual(new Uint8Array(Buffer.from("long")));
  expect(seen.message.attributes.view.buffer.byteLength).toBe(4);
});

it("an outcome crosses, as the one that it is", async () => {
  const handle = threadsOf("outcome", {}, outcomes);
  const expected = {
    retry: retry({ afterSeconds: 7, reason: "later" }),
    "retry by policy": retry(),
    release: release(),
    "dead-letter": deadLetter({ reason: "never" }),
  };
  for (const [body, outcome] of Object.entries(expected)) {
    const answer = (await handle(message(body), context())) as object;
    expect(answer).toEqual(outcome);
    expect(Symbol.for("millrace.outcome") in answer).toBe(true);
    expect(Object.isFrozen(answer)).toBe(true);
  }
});

it("a value that cannot be copied is left out: the handler has resolved all the same", async () => {
  const handle = threadsOf("returnsFunction");
  expect(await handle(message("x"), context())).toBeUndefined();
});

it("a message that cannot be copied fails by itself, and costs nothing else", async () => {
  const handle = threadsOf("default");
  await handle.start();
  const unfit = message({ callback: () => {} });
  expect(await errorOf(handle(unfit, context()))).toMatchObject({
    code: "MESSAGE_NOT_TRANSFERABLE",
    messageId: unfit.id,
    message: expect.stringMatching(/cannot be copied to a worker thread.*could not be cloned/),
  });
  expect(await handle(message("next"), context())).toBe("next");
});

it("the logger is the consumer's, with errors whole", async () => {
  const logged: Logged[] = [];
  const handle = threadsOf("log");
  await handle(message("x"), context(undefined, logged));
  expect(logged.map(({ level, message: text }) => [level, text])).toEqual([
    ["info", "plain"],
    ["warn", "with an error"],
    ["warn", "with one inside"],
    ["error", "an error itself"],
    ["debug", "Symbol(no text)"],
    ["info", "with a text"],
  ]);
  expect(logged[1]?.data).toMatchObject({
    error: { name: "OddError", code: "ODD", table: "seats" },
    count: 3,
    fn: "a function fn",
  });
  expect(logged[2]?.data).toMatchObject({
    context: { error: { name: "OddError", code: "ODD" }, order: 7, next: "a function next" },
  });
  expect(logged[3]?.data).toBeInstanceOf(TypeError);
  expect(logged[5]?.data).toEqual({ data: "seat 7" });
});

it("what a handler logs after its end is logged all the same", async () => {
  const logged: Logged[] = [];
  const handle = threadsOf("logLater");
  await handle(message("x"), context(undefined, logged));
  await expect.poll(() => logged).toMatchObject([{ level: "info", message: "late" }]);
});

it("several run in one thread at once", async () => {
  const handle = threadsOf("meet", { tasksPerThread: 4 });
  const threads = await Promise.all(
    ["4", "4", "4", "4"].map((body) => handle(message(body), context())),
  );
  expect(new Set(threads).size).toBe(1);
});

it("each goes to the thread with least to do", async () => {
  const handle = threadsOf("act", { threads: 2, tasksPerThread: 3 });
  await handle.start();
  const abort = new AbortController();
  const run = (): Promise<unknown> => handle(message("until aborted"), context(abort.signal));
  const tasks = [run(), run(), run(), run()];
  // There is room for two more, one in each.
  const [one, other] = await Promise.all(["a", "b"].map((x) => handle(message(x), context())));
  expect(one).not.toBe(other);
  abort.abort(new Error("enough"));
  const threads = await Promise.all(tasks);
  expect(threads.filter((thread) => thread === one)).toHaveLength(2);
});

it("all threads can be full at once", async () => {
  const handle = threadsOf("meet", { threads: 3, tasksPerThread: 2 });
  await handle.start();
  const threads = await Promise.all(
    ["2", "2", "2", "2", "2", "2"].map((body) => handle(message(body), context())),
  );
  const counts = new Map<unknown, number>();
  for (const id of threads) counts.set(id, (counts.get(id) ?? 0) + 1);
  expect([...counts.values()]).toEqual([2, 2, 2]);
});

it("while all threads are full a task waits, and its turn comes in order", async () => {
  const handle = threadsOf("act");
  await handle.start();
  const order: string[] = [];
  const first = message("go");
  const all = [first, message("go"), message("go"), message("go")].map(async (each, index) => {
    await handle(each, context());
    order.push(`${index}`);
  });
  await Promise.all(all);
  expect(order).toEqual(["0", "1", "2", "3"]);
});

it("a task that waits ends at once when its signal aborts, with that reason, and never runs", async () => {
  const handle = threadsOf("act");
  await handle.start();
  const long = message("until aborted");
  const ends = new AbortController();
  const started = heardOf(long.id);
  const running = handle(long, context(ends.signal));
  await started;
  const abort = new AbortController();
  const waiting = handle(message("exit"), context(abort.signal));
  const reason = new HandlerTimeoutError(5);
  abort.abort(reason);
  expect(await errorOf(waiting)).toBe(reason);
  ends.abort(new Error("enough"));
  // It would have ended the thread.
  const thread = await running;
  expect(await handle(message("x"), context())).toBe(thread);
});

it("a task whose signal has aborted before does not run", async () => {
  const handle = threadsOf("act");
  const reason = new HandlerTimeoutError(5);
  expect(await errorOf(handle(message("exit"), context(AbortSignal.abort(reason))))).toBe(reason);
  expect(await handle(message("x"), context())).toBeTypeOf("number");
});

it("the signal aborts when the main one does, with the same kind of reason", async () => {
  const handle = threadsOf("untilAborted");
  await handle.start();
  const abort = new AbortController();
  const sent = message("x");
  const started = heardOf(sent.id);
  const running = handle(sent, context(abort.signal));
  await started;
  abort.abort(new LeaseLostError(sent.id, "a test"));
  expect(await running).toEqual({
    code: "LEASE_LOST",
    name: "LeaseLostError",
    message: `the lease on message ${sent.id} is lost: a test`,
    messageId: sent.id,
    class: "LeaseLostError",
  });
});

it("the reason is an instance of the library's class in the thread, too", async () => {
  const handle = threadsOf("isLeaseLost", {}, outcomes);
  await handle.start();
  const abort = new AbortController();
  const running = handle(message("x"), context(abort.signal));
  abort.abort(new LeaseLostError("x", "a test"));
  expect(await running).toBe(true);
});

it("a signal that is asked for after the abort has aborted", async () => {
  const handle = threadsOf("lateSignal", { tasksPerThread: 2 });
  await handle.start();
  const abort = new AbortController();
  const sent = message("x");
  const started = heardOf(sent.id);
  const running = handle(sent, context(abort.signal));
  await started;
  abort.abort(new HandlerTimeoutError(5));
  // Comes after the abort, on the same way; it lets the first one go on.
  await handle(message("go on"), context());
  expect(await running).toEqual({ aborted: true, code: "HANDLER_TIMEOUT" });
});

it.each(["bare", "wrapped"])("the reason that comes back is the very same: %s", async (body) => {
  const handle = threadsOf("throwReason");
  await handle.start();
  const abort = new AbortController();
  const sent = message(body);
  const started = heardOf(sent.id);
  const running = handle(sent, context(abort.signal));
  await started;
  const reason = new HandlerTimeoutError(5);
  abort.abort(reason);
  const error = (await errorOf(running)) as Error;
  expect(body === "bare" ? error : error.cause).toBe(reason);
});

it("env is the threads' environment, a copy of the process's, or the process's own", async () => {
  const seen = async (env: NodeJS.ProcessEnv | typeof SHARE_ENV | undefined) => {
    const handle = threadsOf("look", { env });
    return ((await handle(message("x"), context())) as { readonly env: object }).env;
  };
  expect(await seen({ SIZE: "3", NOTHING: undefined })).toEqual({ SIZE: "3" });
  expect(await seen(undefined)).toMatchObject({ PATH: process.env["PATH"] });
  expect(await seen(SHARE_ENV)).toMatchObject({ PATH: process.env["PATH"] });
});
