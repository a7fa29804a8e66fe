/**
 * What user code may do to the consumer, and what becomes of its message: handlers, retry policies and
 * loggers that throw anything, answer nonsense, or never end. The numbered faults are those that the
 * trackers of other consumers know best; each test fails on a consumer that has the fault.
 */
import {
  deadLetter,
  HandlerTimeoutError,
  LeaseLostError,
  NoDeadLetterQueueError,
  release,
  retry,
} from "millrace";
import type { HandlerContext, Logger, Message } from "millrace";
import { describe, expect, it } from "vitest";
import { Bench, bodies, only } from "./bench.ts";
import { deferred, never, refused } from "./faults.ts";

/** An object that throws whatever is done with it. */
const hostile = (): object => {
  const refuse = (): never => {
    throw new Error("hands off");
  };
  const handler: ProxyHandler<object> = {
    get: refuse,
    has: refuse,
    getPrototypeOf: refuse,
    ownKeys: refuse,
    getOwnPropertyDescriptor: refuse,
  };
  return new Proxy({}, handler);
};

class UnreadableError extends Error {
  override get message(): string {
    throw new Error("no message for you");
  }
}

describe("fault 13: a message is acknowledged because its handler resolved, not by what it returned", () => {
  const values: Record<string, () => unknown> = {
    undefined: () => undefined,
    null: () => null,
    false: () => false,
    zero: () => 0,
    "an empty string": () => "",
    "an Error that was returned, not thrown": () => new Error("returned"),
    "what looks like an outcome": () => ({ type: "retry", afterSeconds: 5, reason: "mine" }),
    "an outcome of a type we do not know": () =>
      Object.defineProperty({ type: "later" }, Symbol.for("millrace.outcome"), { value: true }),
    "a symbol": () => Symbol("done"),
    "a function": () => () => {},
    "an object of what throws when it is asked anything": () => ({ it: hostile() }),
    "a proxy that says yes to everything": () =>
      new Proxy({}, { has: () => true, get: (_, name) => (name === "then" ? undefined : "odd") }),
    "a frozen array": () => Object.freeze([1]),
  };

  it.each(Object.entries(values))("%s", async (_, value) => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => value() });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });
});

describe("fault 29: a timeout tells the handler to stop", () => {
  it("by its signal, with the reason, and the message is retried", async () => {
    const bench = await Bench.open();
    let reason: unknown;
    const { consumer, told } = bench.consumer({
      handlerTimeoutMs: 2_000,
      retry: () => 60,
      handle: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            ({ reason } = signal);
            reject(signal.reason as Error);
          });
        }),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(1_999);
    expect(reason).toBeUndefined();
    await bench.clock.advance(10);
    expect(reason).toBeInstanceOf(HandlerTimeoutError);
    expect(reason).toMatchObject({ code: "HANDLER_TIMEOUT", timeoutMs: 2_000 });
    expect(only(told, "failed")).toMatchObject([
      { error: { code: "HANDLER_TIMEOUT" }, outcome: { type: "retry", afterSeconds: 60 } },
    ]);
    expect(consumer.stats()).toMatchObject({ retried: 1, running: 0 });
  });

  it("keeps what the handler threw after it was told", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      handlerTimeoutMs: 1_000,
      handle: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("while cleaning up")));
        }),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => only(told, "failed").length === 1, 10_000);
    const error = only(told, "failed")[0]?.error;
    expect(error).toBeInstanceOf(HandlerTimeoutError);
    expect(error?.cause).toMatchObject({ message: "while cleaning up" });
  });

  it("acknowledges a handler that ends well all the same", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({
      handlerTimeoutMs: 1_000,
      handle: () => new Promise<void>((resolve) => void bench.clock.setTimer(resolve, 3_000)),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
  });

  it("leaves a handler behind that ignores its signal: its worker goes on", async () => {
    const bench = await Bench.open();
    const ending = deferred();
    const { consumer, told } = bench.consumer({
      concurrency: 1,
      handlerTimeoutMs: 1_000,
      retry: () => 3_600,
      handle: (message) => (message.body === "hangs" ? ending.promise : undefined),
    });
    await bench.send("hangs", "next");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    expect(bench.clock.monotonicMs()).toBeLessThan(7_000);
    await bench.clock.advance(100);
    expect(bodies(only(told, "retried"))).toEqual(["hangs"]);
    // Its end, whenever it comes and whatever it is, changes nothing.
    ending.reject(new Error("much too late"));
    await bench.clock.advance(1_000);
    expect(consumer.stats()).toMatchObject({ acknowledged: 1, retried: 1, failed: 1, inHand: 0 });
  });

  it("also covers a schema that hangs", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer<unknown>({
      handlerTimeoutMs: 1_000,
      schema: { "~standard": { version: 1, vendor: "test", validate: () => never() } },
      handle: () => {},
    });
    await bench.send("{}");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => only(told, "failed").length === 1, 10_000);
    expect(only(told, "failed")[0]?.error).toBeInstanceOf(HandlerTimeoutError);
  });

  it("leaves no timer behind when the handler is quick", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handlerTimeoutMs: 43_200_000, handle: () => {} });
    await bench.send("1", "2", "3");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3, 10_000);
    await bench.run(consumer.stop());
    expect(bench.clock.pendingTimers).toBe(0);
  });
});

describe("a handler that is left behind", () => {
  const warnings = (bench: Bench): unknown[] =>
    bench.logged.filter(({ message }) => /left behind/.test(message));

  it("is logged, and counted until it ends after all", async () => {
    const bench = await Bench.open();
    const end = deferred();
    const { consumer, told } = bench.consumer({
      handlerTimeoutMs: 1_000,
      retry: () => 3_600,
      handle: () => end.promise,
    });
    await bench.send("ignores its signal");
    await bench.start(consumer);
    await bench.clock.advance(5_999);
    expect(consumer.stats()).toMatchObject({ running: 1, leftBehind: 0 });
    expect(warnings(bench)).toEqual([]);
    await bench.clock.advance(1);
    expect(consumer.stats()).toMatchObject({ running: 0, leftBehind: 1 });
    const messageIds = only(told, "started").map(({ message }) => message.id);
    expect(warnings(bench)).toEqual([
      {
        level: "warn",
        message: "a handler that ignores its signal is left behind, and may run on",
        data: { messageIds, error: expect.any(HandlerTimeoutError) },
      },
    ]);
    end.reject(new Error("too late for anyone"));
    await bench.clock.settle();
    expect(consumer.stats()).toMatchObject({ running: 0, leftBehind: 0 });
    expect(await bench.run(consumer.stop())).toMatchObject({ abandoned: 0, leftBehind: 0 });
  });

  it("of a batch is one, and has all its messages", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({
      handlerTimeoutMs: 1_000,
      retry: () => 3_600,
      handleBatch: never,
    });
    await bench.send("1", "2", "3");
    await bench.start(consumer);
    await bench.clock.advance(10_000);
    expect(consumer.stats()).toMatchObject({ running: 0, leftBehind: 1 });
    expect(warnings(bench)).toMatchObject([
      { data: { messageIds: [expect.any(String), expect.any(String), expect.any(String)] } },
    ]);
  });

  it("is in the report of a stop for as long as it runs, whatever it was left behind for", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "10" });
    const ends = new Map<unknown, () => void>();
    const { consumer } = bench.consumer({
      handle: ({ body }) =>
        new Promise<void>((resolve) => {
          if (!ends.has(body)) ends.set(body, resolve);
          else resolve();
        }),
    });
    await bench.send("lost");
    await bench.start(consumer);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", () => Promise.reject(refused()));
    await bench.clock.advanceUntil(() => consumer.stats().leftBehind === 1);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", undefined);
    await bench.send("stopped");
    await bench.clock.advanceUntil(() => ends.has("stopped"));
    const report = await bench.run(consumer.stop({ deadlineMs: 0 }));
    expect(report).toMatchObject({ abandoned: 1, leftBehind: 2 });
    expect(consumer.stats()).toMatchObject({ running: 0, leftBehind: 2 });
    ends.get("lost")?.();
    await bench.clock.settle();
    expect(consumer.stats()).toMatchObject({ leftBehind: 1 });
    await bench.start(consumer);
    expect(await bench.run(consumer.stop())).toMatchObject({ abandoned: 0, leftBehind: 1 });
  });
});

describe("fault 30: the messages of one receive share no fate", () => {
  it("each has its own outcome, its own timeout and its own worker", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      concurrency: 10,
      handlerTimeoutMs: 1_000,
      retry: () => 3_600,
      handle: async (message, { signal }) => {
        if (message.body === "throws") throw new Error("failed");
        if (message.body === "releases" && message.receiveCount === 1) return release();
        if (message.body === "hangs") await never();
        if (message.body === "slow") {
          await new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => resolve());
          });
          signal.throwIfAborted();
        }
        return undefined;
      },
    });
    await bench.send("fine 1", "throws", "fine 2", "releases", "hangs", "fine 3", "slow", "fine 4");
    await bench.start(consumer);
    expect(only(told, "received")[0]).toMatchObject({ count: 8 });
    await bench.clock.advance(20_000);
    expect(bodies(only(told, "acknowledged")).map(String).toSorted()).toEqual([
      "fine 1",
      "fine 2",
      "fine 3",
      "fine 4",
      "releases",
    ]);
    expect(bodies(only(told, "retried")).map(String).toSorted()).toEqual([
      "hangs",
      "slow",
      "throws",
    ]);
  });
});

describe("fault 31: a handler may throw anything at all", () => {
  const thrown: Record<string, () => unknown> = {
    undefined: () => undefined,
    null: () => null,
    "a string": () => "just text",
    "a number": () => 42,
    "a symbol": () => Symbol("oops"),
    "a plain object": () => ({ code: "E_MINE" }),
    "a frozen error": () => Object.freeze(new Error("cold")),
    "an object without a prototype": () => Object.create(null) as unknown,
    "a proxy that throws when it is asked anything": hostile,
    "an error whose message throws when it is read": () => new UnreadableError(),
    "an error whose message is no text": () => Object.assign(new Error("x"), { message: { a: 1 } }),
    "an object that cannot be shown": () => ({
      toJSON: () => {
        throw new Error("no");
      },
    }),
  };

  it.each(Object.entries(thrown))("costs its own message alone: %s", async (_, make) => {
    for (const how of ["throws", "rejects"]) {
      const bench = await Bench.open();
      const { consumer, told } = bench.consumer({
        concurrency: 1,
        retry: () => 3_600,
        handle: (message) => {
          if (message.body === "fine") return undefined;
          // oxlint-disable-next-line typescript/only-throw-error -- the point of it
          if (how === "throws") throw make();
          // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the point of it
          return Promise.reject(make());
        },
      });
      await bench.send("bad", "fine");
      await bench.start(consumer);
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
      await bench.clock.advance(100);
      const [failed] = only(told, "failed");
      expect(failed?.error).toBeInstanceOf(Error);
      expect(typeof failed?.error.message).toBe("string");
      expect(failed?.outcome).toMatchObject({ type: "retry", afterSeconds: 3_600 });
      // Its own message, and no other.
      expect(bodies(only(told, "retried"))).toEqual(["bad"]);
      expect(consumer.stats()).toMatchObject({ failed: 1, retried: 1, inHand: 0 });
    }
  });

  it("the error that was thrown is the one that is told", async () => {
    const bench = await Bench.open();
    const error = new Error("mine", { cause: "a reason" });
    const { consumer, told } = bench.consumer({ handle: () => Promise.reject(error) });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(10);
    expect(only(told, "failed")[0]?.error).toBe(error);
  });
});

describe("promise 9: a handler may return anything at all", () => {
  const thenables: Record<string, () => unknown> = {
    "whose then throws": () => ({
      // oxlint-disable-next-line unicorn/no-thenable -- the point of it
      then: () => {
        throw new Error("no");
      },
    }),
    "whose then cannot be read": () =>
      // oxlint-disable-next-line unicorn/no-thenable -- the point of it
      Object.defineProperty({}, "then", {
        get: () => {
          throw new Error("no");
        },
      }),
    "that rejects twice and resolves": () => ({
      // oxlint-disable-next-line unicorn/no-thenable -- the point of it
      then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
        reject(new Error("once"));
        reject(new Error("twice"));
        resolve("after all");
      },
    }),
    "that is a proxy which throws when it is asked anything": hostile,
  };

  it.each(Object.entries(thenables))("a thenable %s is a failure", async (_, make) => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      retry: () => 3_600,
      handle: (message) => (message.body === "bad" ? make() : undefined),
    });
    await bench.send("bad", "fine");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().inHand === 0, 10_000);
    expect(bodies(only(told, "failed"))).toEqual(["bad"]);
    expect(bodies(only(told, "acknowledged"))).toEqual(["fine"]);
  });

  it("a thenable that resolves is waited for", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({
      handle: () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- the point of it
        then: (resolve: () => void) => void bench.clock.setTimer(resolve, 5_000),
      }),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(4_000);
    expect(consumer.stats()).toMatchObject({ running: 1, acknowledged: 0 });
    await bench.clock.advance(2_000);
    expect(consumer.stats().acknowledged).toBe(1);
  });

  it("an outcome that cannot be read costs its own message, which comes again", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "30" });
    let calls = 0;
    const { consumer, told } = bench.consumer({
      concurrency: 1,
      handle: () => {
        calls += 1;
        if (calls > 1) return undefined;
        const outcome = Object.defineProperty({}, Symbol.for("millrace.outcome"), { value: true });
        return Object.defineProperty(outcome, "type", {
          get: () => {
            throw new Error("unreadable");
          },
        });
      },
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(only(told, "leaseLost")[0]?.error).toBeInstanceOf(LeaseLostError);
    expect(consumer.stats()).toMatchObject({ leasesLost: 1, received: 2, inHand: 0 });
  });
});

describe("outcomes that a handler returns", () => {
  it("are carried out, and are no failures", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      handle: (message) => {
        if (message.receiveCount > 1) return undefined;
        return message.body === "later" ? retry({ afterSeconds: 90, reason: "busy" }) : release();
      },
    });
    await bench.send("later", "back");
    await bench.start(consumer);
    await bench.clock.advance(60_000);
    expect(bodies(only(told, "acknowledged"))).toEqual(["back"]);
    expect(only(told, "retried")).toMatchObject([{ afterSeconds: 90, reason: "busy" }]);
    await bench.clock.advance(60_000);
    expect(bodies(only(told, "acknowledged"))).toEqual(["back", "later"]);
    expect(consumer.stats()).toMatchObject({ failed: 0, retried: 1, released: 1 });
  });

  it("retry without seconds asks the policy", async () => {
    const bench = await Bench.open();
    const errors: unknown[] = [];
    const { consumer, told } = bench.consumer({
      retry: ({ error }) => {
        errors.push(error);
        return 77;
      },
      handle: () => retry({ reason: "not yet" }),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(only(told, "retried")).toMatchObject([{ afterSeconds: 77, reason: "not yet" }]);
    expect(errors).toEqual([undefined]);
  });

  it("deadLetter on a queue without a dead-letter queue is a failure, and retried", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ retry: () => 60, handle: () => deadLetter() });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(only(told, "failed")[0]?.error).toBeInstanceOf(NoDeadLetterQueueError);
    expect(bodies(only(told, "retried"))).toEqual(["1"]);
  });
});

describe("a retry policy", () => {
  const policies: Record<string, () => unknown> = {
    "that throws": () => {
      throw new Error("no policy");
    },
    "that throws undefined": () => {
      // oxlint-disable-next-line typescript/only-throw-error -- the point of it
      throw undefined;
    },
    "that answers NaN": () => NaN,
    "that answers a string": () => "60",
    "that answers nothing": () => undefined,
    "that is async": () => Promise.resolve(60),
    "that is async and rejects": () => Promise.reject(new Error("no policy")),
    "that answers what throws when it is asked anything": hostile,
  };

  it.each(Object.entries(policies))("%s is replaced by the default one", async (_, policy) => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      retry: policy as () => number,
      handle: () => Promise.reject(new Error("the handler's own")),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(100);
    expect(only(told, "retried")).toMatchObject([{ afterSeconds: 1, reason: "the handler's own" }]);
    // The handler's error is not masked by the policy's.
    expect(only(told, "failed")).toMatchObject([{ error: { message: "the handler's own" } }]);
    expect(bench.logged.filter(({ message }) => message.includes("retry policy"))).toHaveLength(1);
  });

  it.each([
    [-1, 0],
    [0, 0],
    [0.2, 1],
    [59.5, 60],
    [1e9, 43_200],
    [Infinity, 43_200],
  ])("that answers %d is kept within what SQS takes", async (answer, least) => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({
      concurrency: 1,
      retry: () => answer,
      handle: (message) =>
        message.receiveCount === 1 ? Promise.reject(new Error("failed")) : undefined,
    });
    const timeouts: (number | undefined)[] = [];
    bench.sqs.intercept("ChangeMessageVisibilityBatch", (next, { Entries }) => {
      timeouts.push(...Entries.map(({ VisibilityTimeout }) => VisibilityTimeout));
      return next();
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().retried === 1, 1_000);
    expect(timeouts).toHaveLength(1);
    // Of the twelve hours in flight that SQS allows a little has passed.
    expect(timeouts[0]).toBeLessThanOrEqual(least);
    expect(timeouts[0]).toBeGreaterThanOrEqual(Math.min(least, 43_000));
    expect(consumer.stats().settlementsFailed).toBe(0);
  });

  it("is told the message and the error", async () => {
    const bench = await Bench.open();
    const failures: { message: Message<unknown>; error: Error | undefined }[] = [];
    const { consumer } = bench.consumer({
      retry: (failure) => {
        failures.push(failure);
        return 0;
      },
      handle: (message) => {
        if (message.receiveCount < 3) throw new Error(`failure ${message.receiveCount}`);
      },
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 10_000);
    expect(failures.map(({ message, error }) => [message.receiveCount, error?.message])).toEqual([
      [1, "failure 1"],
      [2, "failure 2"],
    ]);
  });
});

describe("a handler's context", () => {
  it("has a signal, a worker's number and a logger, also when it is spread into another", async () => {
    const bench = await Bench.open();
    const contexts: HandlerContext[] = [];
    const { consumer } = bench.consumer({
      concurrency: 3,
      handle: (_, context) => {
        contexts.push({ ...context });
        context.logger.error("from the handler", { worker: context.worker });
      },
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advance(10);
    const [context] = contexts;
    expect(context?.signal).toBeInstanceOf(AbortSignal);
    expect(context?.signal.aborted).toBe(false);
    expect(context?.worker).toBe(1);
    expect(bench.logged).toMatchObject([{ message: "from the handler", data: { worker: 1 } }]);
  });

  it("has numbers from 1 to concurrency, and as many workers as that", async () => {
    const bench = await Bench.open();
    const workers = new Set<number>();
    const { consumer } = bench.consumer({
      concurrency: 4,
      handle: (_, { worker }) => {
        workers.add(worker);
        return never();
      },
    });
    await bench.send("1", "2", "3", "4", "5", "6");
    await bench.start(consumer);
    await bench.clock.advance(10);
    expect([...workers].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    expect(consumer.stats()).toMatchObject({ running: 4, waiting: 2 });
  });
});

describe("promise 3: no barrier", () => {
  it("uneven handlers keep every worker busy", async () => {
    const bench = await Bench.open();
    let busyMs = 0;
    const { consumer } = bench.consumer({
      concurrency: 10,
      prefetch: 20,
      handle: async (message) => {
        const ms = Number(message.body) % 20 === 0 ? 1_000 : 20;
        await new Promise<void>((resolve) => void bench.clock.setTimer(resolve, ms));
        busyMs += ms;
      },
    });
    for (let index = 0; index < 400; index += 1) await bench.send(String(index));
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 400, 60_000);
    const idealMs = busyMs / 10;
    // The tail, in which the last slow ones run alone, is part of it.
    expect(bench.clock.monotonicMs()).toBeLessThan(idealMs * 1.35 + 1_000);
  });
});

describe("a logger", () => {
  const broken: Record<string, Logger["error"]> = {
    "that throws": () => {
      throw new Error("disk full");
    },
    "that rejects": () => Promise.reject(new Error("disk full")) as never,
    "that answers what throws when it is asked anything": () => hostile() as never,
  };

  it.each(Object.entries(broken))("%s harms nobody", async (_, level) => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({
      logger: { debug: level, info: level, warn: level, error: level },
      retry: () => {
        throw new Error("makes it log");
      },
      handle: (message, { logger }) => {
        logger.info("from a handler");
        if (message.receiveCount === 1) throw new Error("failed");
      },
    });
    consumer.on("failed", () => {
      throw new Error("makes it log");
    });
    await bench.send("1", "2");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2, 60_000);
    await bench.run(consumer.stop());
  });
});

it("a handler that fails after its message was lost says so to the log alone", async () => {
  const bench = await Bench.open({ VisibilityTimeout: "10" });
  const { consumer, told } = bench.consumer({
    handle: (message, { signal }) =>
      message.receiveCount > 1
        ? undefined
        : new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              bench.clock.setTimer(() => reject(new Error("on the way out")), 1_000);
            });
          }),
  });
  bench.sqs.intercept("ChangeMessageVisibilityBatch", () => never());
  await bench.send("1");
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
  await bench.clock.advance(2_000);
  expect(only(told, "leaseLost")).toHaveLength(1);
  expect(only(told, "failed")).toEqual([]);
  expect(bench.logged).toMatchObject([
    { message: expect.stringContaining("extended") },
    { data: { error: { message: "on the way out" } } },
  ]);
});
