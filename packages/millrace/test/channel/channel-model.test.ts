/**
 * The channel against a model of it that is slow and plain: two lists, what lies in the channel and who
 * waits on which side. Each promise has to settle as the model says, and in the order it says.
 */
import { Channel, ChannelClosedError } from "millrace";
import * as fc from "fast-check";
import { expect, it } from "vitest";

/** A promise that a channel gave, as the model expects it to end. */
interface Expected {
  /** undefined while it has to wait. */
  ends: undefined | { readonly value: number | undefined } | "closed" | "aborted";
}

interface WaitingSend extends Expected {
  readonly value: number;
}

class Model {
  readonly capacity: number;
  buffer: number[] = [];
  senders: WaitingSend[] = [];
  receivers: Expected[] = [];
  refuses = false;
  serial = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  trySend(value: number): "sent" | "full" | "closed" {
    if (this.refuses) return "closed";
    const receiver = this.receivers.shift();
    if (receiver !== undefined) receiver.ends = { value };
    else if (this.buffer.length < this.capacity) this.buffer.push(value);
    else return "full";
    return "sent";
  }

  tryReceive(): { value: number } | "empty" | "closed" {
    const buffered = this.buffer.shift();
    const sender = this.senders.shift();
    if (sender !== undefined) {
      sender.ends = { value: undefined };
      if (buffered === undefined) return { value: sender.value };
      this.buffer.push(sender.value);
    }
    if (buffered !== undefined) return { value: buffered };
    return this.refuses ? "closed" : "empty";
  }
}

/** The channel, and what became of each promise it gave. */
class Real {
  readonly channel: Channel<number>;
  readonly promises: { readonly expected: Expected; got: Expected["ends"] }[] = [];
  readonly aborts: { readonly controller: AbortController; readonly expected: Expected }[] = [];

  constructor(capacity: number) {
    this.channel = new Channel(capacity);
  }

  watch(expected: Expected, promise: Promise<number | void>): void {
    const watched: Real["promises"][number] = { expected, got: undefined };
    this.promises.push(watched);
    promise.then(
      (value) => (watched.got = { value: value ?? undefined }),
      (error: unknown) =>
        (watched.got = error instanceof ChannelClosedError ? "closed" : "aborted"),
    );
  }
}

type Step = (model: Model, real: Real) => void;

const steps: Record<string, Step> = {
  send: (model, real) => {
    const value = model.serial++;
    const result = model.trySend(value);
    const expected: WaitingSend = { value, ends: undefined };
    if (result === "sent") expected.ends = { value: undefined };
    else if (result === "closed") expected.ends = "closed";
    else model.senders.push(expected);
    const controller = new AbortController();
    real.aborts.push({ controller, expected });
    real.watch(expected, real.channel.sender.send(value, { signal: controller.signal }));
  },
  trySend: (model, real) => {
    const value = model.serial++;
    expect(real.channel.sender.trySend(value)).toBe(model.trySend(value));
  },
  receive: (model, real) => {
    const result = model.tryReceive();
    const expected: Expected = { ends: undefined };
    if (typeof result === "object") expected.ends = result;
    else if (result === "closed") expected.ends = "closed";
    else model.receivers.push(expected);
    const controller = new AbortController();
    real.aborts.push({ controller, expected });
    real.watch(expected, real.channel.receiver.receive({ signal: controller.signal }));
  },
  tryReceive: (model, real) => {
    const result = model.tryReceive();
    expect(real.channel.receiver.tryReceive()).toEqual(
      typeof result === "object" ? { status: "received", ...result } : { status: result },
    );
  },
  abortOldest: (model, real) => {
    const abort = real.aborts.find(({ expected }) => expected.ends === undefined);
    if (abort === undefined) return;
    abort.expected.ends = "aborted";
    model.senders = model.senders.filter((each) => each !== abort.expected);
    model.receivers = model.receivers.filter((each) => each !== abort.expected);
    abort.controller.abort();
  },
  abortAllThatEnded: (_, real) => {
    // An abort after the end changes nothing.
    for (const { controller, expected } of real.aborts) {
      if (expected.ends !== undefined) controller.abort();
    }
  },
  close: (model, real) => {
    model.refuses = true;
    for (const receiver of model.receivers.splice(0)) receiver.ends = "closed";
    real.channel.sender.close();
  },
  cancel: (model, real) => {
    model.refuses = true;
    for (const waiter of [...model.senders.splice(0), ...model.receivers.splice(0)]) {
      waiter.ends = "closed";
    }
    expect(real.channel.receiver.cancel()).toEqual(model.buffer.splice(0));
  },
};

function agree(model: Model, { channel, promises }: Real): void {
  const { sender, receiver } = channel;
  expect(promises.map(({ got }) => got)).toEqual(promises.map(({ expected }) => expected.ends));
  expect({
    size: sender.size,
    waitingReceivers: sender.waitingReceivers,
    waitingSenders: receiver.waitingSenders,
    closedForSend: sender.closed,
    closedForReceive: receiver.closed,
  }).toEqual({
    size: model.buffer.length,
    waitingReceivers: model.receivers.length,
    waitingSenders: model.senders.length,
    closedForSend: model.refuses,
    closedForReceive: model.refuses && model.buffer.length + model.senders.length === 0,
  });
}

it.each([0, 1, 3, 20])("does as the model does, with a capacity of %i", async (capacity) => {
  const common = ["send", "trySend", "receive", "tryReceive", "abortOldest", "abortAllThatEnded"];
  const name = fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(...common) },
    { weight: 1, arbitrary: fc.constantFrom("close", "cancel") },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(name, { maxLength: 80 }), async (names) => {
      const model = new Model(capacity);
      const real = new Real(capacity);
      for (const each of names) {
        steps[each]?.(model, real);
        await Promise.resolve();
        await Promise.resolve();
        agree(model, real);
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});
