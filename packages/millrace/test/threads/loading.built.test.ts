/**
 * Threads that start, and those that cannot: a start that is refused says why, and leaves nothing.
 */
import type { HandlerContext, Logger } from "millrace";
import { HandlerModuleError } from "millrace/threads";
import { VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { context, errorOf, handlers, liveThreads, message, threadsOf } from "./bench.ts";

const fixture = (name: string): URL => new URL(`./fixtures/${name}`, import.meta.url);
const code = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

const refused: Record<string, readonly [url: URL | string, exportName: string, why: RegExp]> = {
  "a module that is not there": [fixture("nowhere.mjs"), "default", /Cannot find module/],
  "a module that does not parse": [code("export default ("), "default", /Unexpected/],
  "a module that throws": [fixture("throws.mjs"), "default", /no database/],
  "a module that throws no error": [
    code("throw undefined"),
    "default",
    /undefined was|: undefined/,
  ],
  "a module that ends its thread": [fixture("exits.mjs"), "default", /exited with code 3/],
  "a module without that export": [
    code("export const a = 1; export function b() {}"),
    "resize",
    /has no export "resize", but "a", "b"/,
  ],
  "a module without any": [code(""), "default", /no export "default", but none/],
  "an export that is no function": [
    handlers,
    "notAFunction",
    /"notAFunction" is no function, but 42/,
  ],
};

it.each(Object.entries(refused))("%s rejects the start", async (_, [url, exportName, why]) => {
  const before = liveThreads();
  const clock = new VirtualClock();
  const handle = threadsOf(exportName, { threads: 2, clock }, url);
  const error = (await errorOf(handle.start())) as HandlerModuleError;
  expect(error).toBeInstanceOf(HandlerModuleError);
  expect(error).toMatchObject({
    code: "HANDLER_MODULE_FAILED",
    moduleUrl: String(url),
    message: expect.stringMatching(why),
  });
  expect(liveThreads()).toBe(before);
  expect(clock.pendingTimers).toBe(0);
});

it("the error keeps what led to it", async () => {
  const handle = threadsOf("default", {}, fixture("throws.mjs"));
  expect(await errorOf(handle.start())).toMatchObject({
    cause: { message: "no database", code: "ECONNREFUSED" },
  });
});

it("a module that crashes just after it was loaded does not make threads without end", async () => {
  const clock = new VirtualClock();
  const handle = threadsOf("default", { clock }, fixture("crashes-later.mjs"));
  const first = handle(message("x"), context());
  await first.catch(() => {});
  // Sooner or later its place is empty, and time alone brings another.
  await expect.poll(() => clock.nextTimerMs()).toBe(100);
});

it("a module that never comes to the end of its loading is given up, and a start may be", async () => {
  const clock = new VirtualClock();
  const url = code("await new Promise(() => setInterval(() => {}, 1e6)); export default () => {}");
  const handle = threadsOf("default", { clock }, url);
  const starting = errorOf(handle.start());
  await clock.advance(60_000);
  expect(await starting).toMatchObject({
    code: "HANDLER_MODULE_FAILED",
    message: expect.stringContaining("not loaded within 60000 ms"),
  });
  const abort = new AbortController();
  const again = errorOf(handle.start({ signal: abort.signal }));
  abort.abort("enough");
  expect(await again).toBe("enough");
  expect(await errorOf(handle.start({ signal: abort.signal }))).toBe("enough");
  expect(clock.pendingTimers).toBe(0);
});

it("without a start, tasks fail with the module's error, and wait longer and longer for it", async () => {
  const clock = new VirtualClock();
  const handle = threadsOf("default", { clock }, fixture("throws.mjs"));
  expect(await errorOf(handle(message("1"), context()))).toBeInstanceOf(HandlerModuleError);
  expect(await errorOf(handle(message("2"), context()))).toBeInstanceOf(HandlerModuleError);
  const abort = new AbortController();
  const third = errorOf(handle(message("3"), context(abort.signal)));
  await expect.poll(() => clock.nextTimerMs()).toBe(100);
  abort.abort("enough");
  expect(await third).toBe("enough");
  const fourth = errorOf(handle(message("4"), context()));
  await clock.advance(100);
  expect(await fourth).toMatchObject({ cause: { message: "no database" } });
});

it("threads that die are not made again for nobody", async () => {
  const before = liveThreads();
  const clock = new VirtualClock();
  const handle = threadsOf("default", { clock }, fixture("throws.mjs"));
  expect(await errorOf(handle(message("1"), context()))).toBeInstanceOf(HandlerModuleError);
  await expect.poll(() => clock.nextTimerMs()).toBe(100);
  await clock.advance(100);
  expect(clock.pendingTimers).toBe(0);
  expect(liveThreads()).toBe(before);
  // Somebody needs them again: then at once, and a start sees them fail as well.
  expect(await errorOf(handle(message("2"), context()))).toBeInstanceOf(HandlerModuleError);
  await expect.poll(() => clock.nextTimerMs()).toBe(200);
  await clock.advance(200);
  expect(clock.pendingTimers).toBe(0);
  expect(await errorOf(handle.start())).toBeInstanceOf(HandlerModuleError);
});

it("the default export of an ES module that was compiled to CommonJS", async () => {
  expect(await threadsOf("default", {}, fixture("compiled.cjs"))(message("x"), context())).toBe(
    "x, compiled",
  );
  expect(await threadsOf("named", {}, fixture("compiled.cjs"))(message("x"), context())).toBe(
    "x, by name",
  );
});

it("several starts share the threads, which end with the last stop", async () => {
  const before = liveThreads();
  const handle = threadsOf("thread", { threads: 2 });
  await Promise.all([handle.start(), handle.start(), handle.start()]);
  expect(liveThreads()).toBe(before + 2);
  const thread = await handle(message("x"), context());
  await handle.stop();
  await handle.stop();
  expect(await handle(message("x"), context())).toBe(thread);
  await handle.stop();
  expect(liveThreads()).toBe(before);
  // More often than it was started, and before any start: nothing.
  await handle.stop();
  await handle.start();
  expect(await handle(message("x"), context())).not.toBe(thread);
});

it("a stop ends what runs and what waits, and a task after it starts threads anew", async () => {
  const clock = new VirtualClock();
  const handle = threadsOf("act", { clock });
  await handle.start();
  const running = errorOf(handle(message("never"), context()));
  const waiting = errorOf(handle(message("never"), context()));
  await Promise.all([handle.stop(), handle.stop()]);
  expect(await running).toMatchObject({ code: "WORKER_THREAD_LOST", reason: "stopped" });
  expect(await waiting).toMatchObject({ code: "WORKER_THREAD_LOST", reason: "stopped" });
  expect(clock.pendingTimers).toBe(0);
  expect(await handle(message("x"), context())).toBeTypeOf("number");
});

it("a stop while they start", async () => {
  const before = liveThreads();
  const handle = threadsOf("act", { threads: 3 });
  const starting = errorOf(handle.start());
  await handle.stop();
  expect(await starting).toMatchObject({ code: "HANDLER_MODULE_FAILED" });
  expect(liveThreads()).toBe(before);
});

it("a start after a stop meanwhile has threads of its own, which the first start's end leaves alone", async () => {
  const before = liveThreads();
  const handle = threadsOf("thread", { threads: 2 });
  const first = errorOf(handle.start());
  const stopping = handle.stop();
  const second = handle.start();
  expect(await first).toMatchObject({ code: "HANDLER_MODULE_FAILED" });
  await Promise.all([stopping, second]);
  expect(liveThreads()).toBe(before + 2);
  expect(await handle(message("x"), context())).toBeTypeOf("number");
});

it("a logger that throws, or is none, does no harm", async () => {
  const handle = threadsOf("log");
  const logger = new Proxy({} as Logger, {
    get() {
      throw new Error("full disk");
    },
  });
  expect(await handle(message("x"), { ...context(), logger })).toBe("x");
  const none = { signal: context().signal } as HandlerContext;
  expect(await handle(message("x"), none)).toBe("x");
  await handle.stop();
});

it.each([
  ["posts there", `parentPort.postMessage("hi"); parentPort.postMessage({ what: "threw", id: 1 })`],
  ["closes it", "parentPort.close()"],
  ["takes its listeners away", "parentPort.removeAllListeners()"],
])("the thread's parentPort is its module's own: one that %s", async (_, statement) => {
  // Something else keeps the thread alive, as a pool of connections does.
  const url = code(`
    import { parentPort, workerData } from "node:worker_threads";
    setInterval(() => {}, 1e6);
    let heard = 0;
    parentPort.on("message", () => { heard += 1; });
    export default () => { ${statement}; return [heard, Object.keys(workerData)]; }`);
  const handle = threadsOf("default", {}, url);
  for (let call = 0; call < 3; call += 1) {
    expect(await handle(message("x"), context())).toEqual([0, ["moduleUrl", "exportName"]]);
  }
});

/** Whether this Node runs TypeScript. */
const runsTypeScript = Boolean(Reflect.get(process.features, "typescript"));

it.runIf(runsTypeScript)("a handler in TypeScript runs", async () => {
  const handle = threadsOf("default", {}, fixture("typed.ts"));
  expect(await handle(message("hello"), context())).toBe("HELLO");
});

it.skipIf(runsTypeScript)("a handler in TypeScript is refused, with what helps", async () => {
  const handle = threadsOf("default", {}, fixture("typed.ts"));
  await expect(handle.start()).rejects.toThrow("only Node 22.18 and newer load TypeScript");
});
