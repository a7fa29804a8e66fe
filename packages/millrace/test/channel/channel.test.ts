import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { ChannelClosedError } from "../../src/channel/errors.ts";
import { Channel } from "../../src/channel/channel.ts";
import { OptionError } from "../../src/errors.ts";

/** Numbered steps, in the manner of a script: each must be reached in its turn. */
function steps(): { step(n: number): void; at(n: number): (value: unknown) => unknown } {
  let reached = 0;
  const step = (n: number): void => {
    reached += 1;
    expect(n).toBe(reached);
  };
  return {
    step,
    at: (n) => (value) => {
      step(n);
      return value;
    },
  };
}

const controllers: AbortController[] = [];

function abortable(): AbortController {
  const controller = new AbortController();
  controllers.push(controller);
  return controller;
}

afterEach(() => {
  for (const { signal } of controllers.splice(0)) {
    const { length } = getEventListeners(signal, "abort");
    if (length > 0) throw new Error(`${length} listeners are left on a signal`);
  }
});

const closed = { code: "CHANNEL_CLOSED" };
const microtasks = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("capacity", () => {
  it.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53, "3", undefined])("refuses %s", (capacity) => {
    expect(() => new Channel(capacity as number)).toThrow(OptionError);
  });

  it("holds no slots before values come", async () => {
    const { sender, receiver } = new Channel<number>(Number.MAX_SAFE_INTEGER);
    await sender.send(1);
    expect(sender.size).toBe(1);
    expect(await receiver.receive()).toBe(1);
  });
});

describe("order", () => {
  it("hands values out as they came in, through growth and wrapping", async () => {
    const { sender, receiver } = new Channel<number>(1000);
    let next = 0;
    let expected = 0;
    for (const [sends, receives] of [
      [3, 1],
      [14, 15],
      [40, 10],
      [900, 500],
      [400, 831],
    ] as const) {
      for (let i = 0; i < sends; i += 1) expect(sender.trySend(next++)).toBe("sent");
      for (let i = 0; i < receives; i += 1) expect(await receiver.receive()).toBe(expected++);
    }
    expect(receiver.size).toBe(0);
    expect(expected).toBe(next);
  });

  it("carries undefined like any value", async () => {
    const { sender, receiver } = new Channel<undefined>(1);
    await sender.send(undefined);
    expect(receiver.tryReceive()).toEqual({ status: "received", value: undefined });
    expect(receiver.tryReceive()).toEqual({ status: "empty" });
  });

  it("lets senders wait while full, and serves them first come, first served", async () => {
    const { step, at } = steps();
    const { sender, receiver } = new Channel<string>(1);
    await sender.send("a");
    step(1);
    const b = sender.send("b").then(at(3));
    const c = sender.send("c").then(at(5));
    expect(receiver.waitingSenders).toBe(2);
    await microtasks();
    step(2);
    expect(sender.trySend("overtakes")).toBe("full");
    expect(await receiver.receive().then(at(4))).toBe("a");
    await b;
    expect(await receiver.receive().then(at(6))).toBe("b");
    await c;
    step(7);
    expect(sender.size).toBe(1);
    expect(await receiver.receive()).toBe("c");
  });

  it("lets receivers wait while empty, and serves them first come, first served", async () => {
    const { step, at } = steps();
    const { sender, receiver } = new Channel<string>(5);
    const first = receiver.receive().then(at(2));
    const second = receiver.receive().then(at(3));
    expect(sender.waitingReceivers).toBe(2);
    await microtasks();
    step(1);
    expect(sender.trySend("a")).toBe("sent");
    await sender.send("b");
    expect(await Promise.all([first, second])).toEqual(["a", "b"]);
    expect(sender.size).toBe(0);
    expect(sender.waitingReceivers).toBe(0);
  });
});

describe("capacity 0", () => {
  it("is a rendezvous: a send resolves when a receive takes the value", async () => {
    const { step, at } = steps();
    const { sender, receiver } = new Channel<string>(0);
    expect(sender.trySend("nobody there")).toBe("full");
    const sent = sender.send("a").then(at(2));
    await microtasks();
    step(1);
    expect(receiver.tryReceive()).toEqual({ status: "received", value: "a" });
    await sent;
    step(3);
    const received = receiver.receive().then(at(4));
    expect(sender.trySend("b")).toBe("sent");
    expect(await received).toBe("b");
    expect(sender.size).toBe(0);
  });
});

describe("close", () => {
  it("refuses sends, and lets be received what is buffered and what waits", async () => {
    const { sender, receiver } = new Channel<string>(1);
    await sender.send("a");
    const waiting = sender.send("b");
    sender.close();
    sender.close();
    expect(sender.closed).toBe(true);
    expect(receiver.closed).toBe(false);
    await expect(sender.send("c")).rejects.toThrow(ChannelClosedError);
    expect(sender.trySend("c")).toBe("closed");
    expect(await receiver.receive()).toBe("a");
    await waiting;
    expect(await receiver.receive()).toBe("b");
    expect(receiver.closed).toBe(true);
    await expect(receiver.receive()).rejects.toMatchObject(closed);
    expect(receiver.tryReceive()).toEqual({ status: "closed" });
  });

  it("tells receivers that wait, and takes their listeners off", async () => {
    const { signal } = abortable();
    const { sender, receiver } = new Channel<string>(1);
    const waiting = [receiver.receive({ signal }), receiver.receive({ signal })];
    expect(getEventListeners(signal, "abort")).not.toHaveLength(0);
    sender.close();
    for (const wait of waiting) await expect(wait).rejects.toMatchObject(closed);
  });

  it("is complete when the last sender that waits aborts", async () => {
    const { sender, receiver } = new Channel<string>(0);
    const controller = abortable();
    const sent = sender.send("a", controller);
    sender.close();
    expect(receiver.closed).toBe(false);
    controller.abort(new Error("stop"));
    await expect(sent).rejects.toThrow("stop");
    expect(receiver.closed).toBe(true);
    await expect(receiver.receive()).rejects.toMatchObject(closed);
  });
});

describe("cancel", () => {
  it("returns what was buffered, and leaves waiting senders theirs", async () => {
    const { signal } = abortable();
    const { sender, receiver } = new Channel<string>(2);
    await sender.send("a");
    await sender.send("b");
    const waiting = sender.send("c", { signal });
    expect(receiver.cancel()).toEqual(["a", "b"]);
    await expect(waiting).rejects.toMatchObject(closed);
    await expect(sender.send("d")).rejects.toMatchObject(closed);
    await expect(receiver.receive()).rejects.toMatchObject(closed);
    expect(sender.closed).toBe(true);
    expect(receiver.closed).toBe(true);
    expect(receiver.cancel()).toEqual([]);
  });

  it("tells receivers that wait", async () => {
    const { signal } = abortable();
    const { receiver } = new Channel<string>(2);
    const waiting = receiver.receive({ signal });
    expect(receiver.cancel()).toEqual([]);
    await expect(waiting).rejects.toMatchObject(closed);
  });

  it("returns what a close had left to be received", async () => {
    const { sender, receiver } = new Channel<string>(2);
    await sender.send("a");
    sender.close();
    expect(receiver.cancel()).toEqual(["a"]);
    expect(receiver.closed).toBe(true);
  });
});

describe("abort", () => {
  it("refuses a signal that has aborted already, whatever the channel could do", async () => {
    const signal = AbortSignal.abort("no");
    const { sender, receiver } = new Channel<string>(2);
    await expect(sender.send("a", { signal })).rejects.toBe("no");
    expect(sender.size).toBe(0);
    await sender.send("b");
    await expect(receiver.receive({ signal })).rejects.toBe("no");
    expect(receiver.size).toBe(1);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("withdraws a send that waits; the others keep their order", async () => {
    const { sender, receiver } = new Channel<string>(1);
    const [first, middle, last] = [abortable(), abortable(), abortable()];
    await sender.send("a");
    const b = sender.send("b", first);
    const c = sender.send("c");
    const d = sender.send("d", middle);
    const e = sender.send("e");
    const f = sender.send("f", last);
    for (const controller of [middle, first, last]) controller.abort(new Error("stop"));
    for (const gone of [b, d, f]) await expect(gone).rejects.toThrow("stop");
    expect(receiver.waitingSenders).toBe(2);
    const g = sender.send("g");
    for (const value of ["a", "c", "e", "g"]) expect(await receiver.receive()).toBe(value);
    await Promise.all([c, e, g]);
    expect(receiver.waitingSenders).toBe(0);
  });

  it("withdraws a receive that waits; the value goes to the next", async () => {
    const { sender, receiver } = new Channel<string>(1);
    const controller = abortable();
    const gone = receiver.receive(controller);
    const next = receiver.receive();
    controller.abort(new Error("stop"));
    await sender.send("a");
    expect(await next).toBe("a");
    await expect(gone).rejects.toThrow("stop");
    expect(sender.waitingReceivers).toBe(0);
  });

  it("loses no value when the abort comes after the hand-over", async () => {
    const { sender, receiver } = new Channel<string>(1);
    const controller = abortable();
    const received = receiver.receive(controller);
    await sender.send("a");
    controller.abort();
    expect(await received).toBe("a");
  });

  it("does not take a value back when the abort comes after it was taken", async () => {
    const { sender, receiver } = new Channel<string>(0);
    const controller = abortable();
    const sent = sender.send("a", controller);
    expect(receiver.tryReceive()).toEqual({ status: "received", value: "a" });
    controller.abort();
    await expect(sent).resolves.toBeUndefined();
  });

  it("may be the work of another waiter's listener, in the middle of an abort", async () => {
    const { sender, receiver } = new Channel<string>(1);
    const controller = abortable();
    controller.signal.addEventListener("abort", () => void sender.trySend("a"), { once: true });
    const received = receiver.receive(controller);
    controller.abort(new Error("stop"));
    expect(await received).toBe("a");
  });

  it("leaves nothing behind when a waiter comes and goes a thousand times", async () => {
    const { signal } = abortable();
    const { sender, receiver } = new Channel<number>(1);
    for (let i = 0; i < 1000; i += 1) {
      const controller = new AbortController();
      const gone = receiver.receive(controller);
      controller.abort(i);
      await expect(gone).rejects.toBe(i);
    }
    expect(receiver.waitingReceivers).toBe(0);
    const received = receiver.receive({ signal });
    await sender.send(1);
    expect(await received).toBe(1);
  });

  it("reaches everyone who waits on one signal, through one listener", async () => {
    const { sender, receiver } = new Channel<number>(0);
    const other = new Channel<number>(0);
    const controller = abortable();
    const gone = [
      ...Array.from({ length: 20 }, () => receiver.receive(controller)),
      ...Array.from({ length: 20 }, (_, i) => other.sender.send(i, controller)),
    ];
    // Node warns of a leak when a signal has more than ten.
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    expect(sender.trySend(1)).toBe("sent");
    expect(await gone.shift()).toBe(1);
    controller.abort(new Error("stop"));
    for (const wait of gone) await expect(wait).rejects.toThrow("stop");
    expect(sender.waitingReceivers + other.receiver.waitingSenders).toBe(0);
  });

  it("is heard only while a caller waits", async () => {
    const { signal } = abortable();
    const { sender, receiver } = new Channel<string>(1);
    await sender.send("a", { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    const sent = sender.send("b", { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await receiver.receive({ signal });
    await sent;
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("iteration", () => {
  it("ends when the channel is closed and drained", async () => {
    const { sender, receiver } = new Channel<number>(1);
    const seen: number[] = [];
    const loop = (async () => {
      for await (const value of receiver) seen.push(value);
    })();
    for (const value of [1, 2, 3]) await sender.send(value);
    sender.close();
    await loop;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("shares the values among loops, each to one", async () => {
    const { sender, receiver } = new Channel<number>(4);
    const seen: number[] = [];
    const loop = async (): Promise<void> => {
      for await (const value of receiver) seen.push(value);
    };
    const loops = [loop(), loop(), loop()];
    for (let value = 0; value < 100; value += 1) await sender.send(value);
    sender.close();
    await Promise.all(loops);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("ends at a cancel", async () => {
    const { receiver } = new Channel<number>(1);
    const next = receiver[Symbol.asyncIterator]().next();
    receiver.cancel();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it("leaves the channel open when a loop is left", async () => {
    const { sender, receiver } = new Channel<number>(3);
    for (const value of [1, 2]) await sender.send(value);
    for await (const value of receiver) {
      expect(value).toBe(1);
      break;
    }
    expect(sender.closed).toBe(false);
    expect(await receiver.receive()).toBe(2);
  });

  it("takes no value with it when it is left in the middle of a wait", async () => {
    const { sender, receiver } = new Channel<number>(1);
    const iterator = receiver[Symbol.asyncIterator]();
    const next = iterator.next();
    await iterator.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(sender.waitingReceivers).toBe(0);
    await sender.send(1);
    expect(await receiver.receive()).toBe(1);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});
