/**
 * Options of inThreads: each one's nonsense is refused when the handler is made, by name and with what was
 * received. No thread is started for it.
 */
import { availableParallelism } from "node:os";
import { SHARE_ENV } from "node:worker_threads";
import { Consumer, OptionError } from "millrace";
import type { ConsumerOptions } from "millrace";
import { inThreads } from "millrace/threads";
import type { InThreadsOptions } from "millrace/threads";
import { expect, it } from "vitest";

const url = new URL("./fixtures/handlers.mjs", import.meta.url);

it.each([
  ["threads", { threads: 0 }, "0"],
  ["threads", { threads: 1_025 }, "1025"],
  ["threads", { threads: 1.5 }, "1.5"],
  ["threads", { threads: "2" }, '"2"'],
  ["threads", { threads: null }, "null"],
  ["tasksPerThread", { tasksPerThread: 0 }, "0"],
  ["tasksPerThread", { tasksPerThread: 10_001 }, "10001"],
  ["tasksPerThread", { tasksPerThread: NaN }, "NaN"],
  ["export", { export: "" }, '""'],
  ["export", { export: 1 }, "1"],
  ["resourceLimits", { resourceLimits: 64 }, "64"],
  ["resourceLimits", { resourceLimits: null }, "null"],
  ["resourceLimits.maxHeapMb", { resourceLimits: { maxHeapMb: 64 } }, "64"],
  ["resourceLimits.stackSizeMb", { resourceLimits: { stackSizeMb: 0 } }, "0"],
  ["resourceLimits.stackSizeMb", { resourceLimits: { stackSizeMb: "4" } }, '"4"'],
  // Node ends the whole process with less than 0.2, from within its own start of the thread.
  ["resourceLimits.stackSizeMb", { resourceLimits: { stackSizeMb: 0.19 } }, "0.19"],
  ["env", { env: "A=1" }, '"A=1"'],
  ["env", { env: null }, "null"],
  ["env", { env: ["A"] }, '["A"]'],
  ["env.A", { env: { A: 1 } }, "1"],
  ["clock", { clock: {} }, "{}"],
  ["clock", { clock: null }, "null"],
  ["tasks", { tasks: 3 }, "3"],
  ["options", null, "null"],
])("refuses %s: %j", (option, options, received) => {
  const make = (): unknown => inThreads(url, options as InThreadsOptions);
  expect(make).toThrow(OptionError);
  expect(make).toThrow(expect.objectContaining({ option }));
  expect(make).toThrow(`received ${received}`);
});

it.each([
  ["./work.js", '"./work.js"'],
  ["/srv/work.js", '"/srv/work.js"'],
  ["C:\\work.js", '"C:\\\\work.js"'],
  ["https://example.com/work.js", '"https://example.com/work.js"'],
  ["", '""'],
  [undefined, "undefined"],
  [null, "null"],
  [{ href: "file:///work.js" }, '{"href":"file:///work.js"}'],
])("refuses a module at %j", (moduleUrl, received) => {
  const make = (): unknown => inThreads(moduleUrl as string);
  expect(make).toThrow(expect.objectContaining({ option: "moduleUrl" }));
  expect(make).toThrow(`received ${received}`);
});

it.each([
  {},
  { threads: undefined, tasksPerThread: undefined, export: undefined, env: undefined },
  { threads: 1, tasksPerThread: 1 },
  { threads: 1_024, tasksPerThread: 10_000 },
  { resourceLimits: { maxOldGenerationSizeMb: 64.5, stackSizeMb: 4 } },
  { env: SHARE_ENV },
  { env: { A: "1", B: undefined } },
] satisfies InThreadsOptions[])("takes %j, and starts nothing", (options) => {
  expect(inThreads(url, options)).toBeTypeOf("function");
  expect(inThreads(url.href, options)).toBeTypeOf("function");
});

it("says how many it can run at once", () => {
  expect(inThreads(url, { threads: 3 }).maxConcurrency).toBe(3);
  expect(inThreads(url, { threads: 3, tasksPerThread: 4 }).maxConcurrency).toBe(12);
  expect(inThreads(url).maxConcurrency).toBe(availableParallelism());
});

it("is refused as a handler of batches, which its module would not get", () => {
  const options = { queue: "jobs", handleBatch: inThreads(url) } as object;
  expect(() => new Consumer(options as ConsumerOptions<string>)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", option: "handleBatch" }),
  );
});

it("fits a consumer of any body", () => {
  const consumer = new Consumer({ queue: "jobs", handle: inThreads(url) });
  expect(consumer).toBeInstanceOf(Consumer);
});
