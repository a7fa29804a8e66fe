/**
 * Events: each one told once, with what belongs to it, in the order in which things happened; and
 * listeners that do their worst.
 */
import { describe, expect, it } from "vitest";
import { Emitter } from "../../src/events.ts";
import { Bench, only } from "./bench.ts";

interface Events {
  said: string;
  counted: number;
}

function emitter(): { emitter: Emitter<Events>; faults: unknown[][] } {
  const faults: unknown[][] = [];
  return {
    emitter: new Emitter<Events>((thrown, event) => faults.push([event, thrown])),
    faults,
  };
}

describe("an emitter", () => {
  it("calls listeners at once, in the order in which they were added", () => {
    const { emitter: events } = emitter();
    const heard: string[] = [];
    events.on("said", (text) => heard.push(`1 ${text}`));
    events.on("said", (text) => heard.push(`2 ${text}`));
    events.on("counted", (count) => heard.push(`3 ${count}`));
    events.emit("said", "a");
    expect(heard).toEqual(["1 a", "2 a"]);
    events.emit("counted", 7);
    expect(heard).toEqual(["1 a", "2 a", "3 7"]);
  });

  it("contains a listener that throws, and reports it; the others are called", () => {
    const { emitter: events, faults } = emitter();
    const heard: string[] = [];
    events.on("said", () => {
      throw new Error("broken");
    });
    events.on("said", () => {
      // oxlint-disable-next-line typescript/only-throw-error -- the point of it
      throw undefined;
    });
    events.on("said", (text) => heard.push(text));
    events.emit("said", "a");
    expect(heard).toEqual(["a"]);
    expect(faults).toEqual([
      ["said", new Error("broken")],
      ["said", undefined],
    ]);
  });

  it("contains a promise that rejects, and thenables of every kind", async () => {
    const { emitter: events, faults } = emitter();
    const returned: unknown[] = [
      Promise.reject(new Error("async")),
      // oxlint-disable-next-line unicorn/no-thenable -- the point of it
      { then: (_: unknown, reject: (error: unknown) => void) => reject("as a thenable") },
      // oxlint-disable-next-line unicorn/no-thenable -- the point of it
      Object.defineProperty({}, "then", {
        get: () => {
          throw new Error("unreadable");
        },
      }),
      new Proxy(
        {},
        {
          has: () => {
            throw new Error("hands off");
          },
        },
      ),
      // oxlint-disable-next-line unicorn/no-thenable -- the point of it
      { then: "not a function" },
      Promise.resolve("fine"),
    ];
    for (const value of returned) events.on("said", () => value);
    events.emit("said", "a");
    await new Promise((resolve) => void setImmediate(resolve));
    expect(faults.map(([, thrown]) => (thrown instanceof Error ? thrown.message : thrown))).toEqual(
      expect.arrayContaining(["async", "as a thenable", "unreadable", "hands off"]),
    );
    expect(faults).toHaveLength(4);
  });

  it("a listener that is added or removed during an event counts from the next one on", () => {
    const { emitter: events } = emitter();
    const heard: string[] = [];
    const second = (text: string): void => void heard.push(`second ${text}`);
    const third = (text: string): void => void heard.push(`third ${text}`);
    const first = (text: string): void => {
      heard.push(`first ${text}`);
      events.off("said", first);
      events.off("said", second);
      events.on("said", third);
    };
    events.on("said", first);
    events.on("said", second);
    events.emit("said", "a");
    expect(heard).toEqual(["first a", "second a"]);
    events.emit("said", "b");
    expect(heard.slice(2)).toEqual(["third b"]);
  });

  it("an event that is emitted by a listener of it is told in its turn", () => {
    const { emitter: events } = emitter();
    const heard: number[] = [];
    events.on("counted", (count) => {
      heard.push(count);
      if (count < 3) events.emit("counted", count + 1);
    });
    events.emit("counted", 1);
    expect(heard).toEqual([1, 2, 3]);
  });

  it("off takes a listener away that was added twice, and minds none that was not added", () => {
    const { emitter: events } = emitter();
    const heard: string[] = [];
    const listener = (text: string): void => void heard.push(text);
    events.off("said", listener);
    events.on("said", listener);
    events.on("said", listener);
    events.emit("said", "a");
    expect(heard).toEqual(["a", "a"]);
    events.off("said", listener);
    events.emit("said", "b");
    expect(heard).toHaveLength(2);
  });
});

describe("a consumer's events", () => {
  it("tell the life of each message in order", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      concurrency: 1,
      retry: () => 5,
      handle: (message) => {
        if (message.receiveCount === 1) throw new Error("the first time");
      },
    });
    await bench.start(consumer);
    await bench.send("1");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    await bench.run(consumer.stop());
    const names = told.filter((event) => event.name !== "received" || event.count > 0);
    expect(names.map(({ name }) => name)).toEqual([
      "stateChanged",
      "stateChanged",
      "received",
      "started",
      "failed",
      "retried",
      "received",
      "started",
      "acknowledged",
      "stateChanged",
    ]);
    expect(only(told, "received").find(({ count }) => count > 0)).toMatchObject({
      count: 1,
      requested: 10,
    });
    expect(only(told, "started")).toMatchObject([{ worker: 1 }, { worker: 1 }]);
    expect(only(told, "acknowledged")).toMatchObject([
      { worker: 1, handlerMs: 0, message: { receiveCount: 2 } },
    ]);
  });

  it("say how long a handler took", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({
      handle: () => new Promise<void>((resolve) => void bench.clock.setTimer(resolve, 1_234)),
    });
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(only(told, "acknowledged")).toMatchObject([{ handlerMs: 1_234 }]);
  });

  it("a poll that brought nothing is told, too", async () => {
    const bench = await Bench.open();
    const { consumer, told } = bench.consumer({ handle: () => {} });
    await bench.start(consumer);
    await bench.clock.advance(21_000);
    expect(only(told, "received")).toMatchObject([
      { count: 0, requested: 10, durationMs: 0 },
      { count: 0, requested: 10, durationMs: 20_000 },
    ]);
    expect(consumer.stats()).toMatchObject({ polls: 2, emptyPolls: 2, received: 0 });
  });

  it("listeners of any kind of fault, on every event, cost nothing", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({
      retry: () => 1,
      handle: (message) => {
        if (message.receiveCount === 1) throw new Error("the first time");
      },
    });
    for (const name of [
      "received",
      "started",
      "acknowledged",
      "retried",
      "released",
      "failed",
      "pollFailed",
      "stateChanged",
    ] as const) {
      consumer.on(name, () => {
        throw new Error(`thrown by ${name}`);
      });
      consumer.on(name, () => Promise.reject(new Error(`rejected by ${name}`)));
    }
    await bench.send("1", "2", "3");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 3, 60_000);
    await bench.run(consumer.stop());
    const faults = bench.logged.filter(({ message }) => message.startsWith("a listener of"));
    expect(faults.map(({ message }) => message)).toContain('a listener of "failed" failed');
    expect(faults.length).toBeGreaterThan(20);
  });

  it("off ends them; both answer the consumer", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {} });
    const heard: unknown[] = [];
    const listener = (event: unknown): void => void heard.push(event);
    expect(consumer.on("started", listener)).toBe(consumer);
    await bench.send("1");
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1, 60_000);
    expect(consumer.off("started", listener)).toBe(consumer);
    await bench.send("2");
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 2, 60_000);
    expect(heard).toHaveLength(1);
  });
});
