import { hash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeQueue } from "../src/endpoint/fake-queue.ts";
import type { QueueOptions } from "../src/endpoint/protocol.ts";

interface Message {
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly Attributes?: Record<string, string>;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  expect(vi.getTimerCount(), "timers that are left").toBe(0);
  vi.useRealTimers();
});

function open(options: Omit<QueueOptions, "name">): FakeQueue {
  return new FakeQueue({ name: "q", ...options }, () => 0.5);
}

/** What a receive was answered with; undefined while it waits. */
function receive(
  queue: FakeQueue,
  {
    max = 10,
    waitMs = 0,
    attributeNames = [],
  }: { max?: number; waitMs?: number; attributeNames?: string[] } = {},
) {
  const received: { answer: Message[] | undefined; giveUp: (() => void) | undefined } = {
    answer: undefined,
    giveUp: undefined,
  };
  received.giveUp = queue.receive({
    max,
    waitMs,
    visibilityMs: 1_000,
    attributeNames,
    answer: (messages) => {
      received.answer = messages.map((text): Message => JSON.parse(text));
    },
  });
  return received;
}

describe("FakeQueue", () => {
  it("has no end when it is deep, and numbers its messages", () => {
    const queue = open({ messages: "deep" });
    const bodies = [receive(queue), receive(queue, { max: 3 })].flatMap(({ answer = [] }) =>
      answer.map(({ Body }): { number: number } => JSON.parse(Body)),
    );
    expect(bodies.map(({ number }) => number)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
    expect(queue.counts()).toMatchObject({ handedOut: 13, deleted: 0 });
  });

  it("says the sums that the SDK checks", () => {
    const [message] = receive(open({ messages: "deep" })).answer ?? [];
    expect(message?.MD5OfBody).toBe(hash("md5", message?.Body ?? ""));
  });

  it.each([
    { attributeNames: [], told: undefined },
    {
      attributeNames: ["SentTimestamp", "ApproximateReceiveCount", "MessageGroupId"],
      told: ["SentTimestamp", "ApproximateReceiveCount"],
    },
    {
      attributeNames: ["All"],
      told: [
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
      ],
    },
  ])("tells the attributes $attributeNames as $told", ({ attributeNames, told }) => {
    const [message] = receive(open({ messages: "deep" }), { attributeNames }).answer ?? [];
    expect(message?.Attributes && Object.keys(message.Attributes)).toEqual(told);
  });

  it("hands out what is there at once, and then what arrives", () => {
    const queue = open({ messages: { perSecond: 10, ready: 12 } });
    expect([receive(queue), receive(queue)].map(({ answer }) => answer?.length)).toEqual([10, 2]);
    vi.advanceTimersByTime(150);
    expect(receive(queue).answer).toHaveLength(2);
    queue.close();
  });

  it("lets nothing arrive before the last message that was there is handed out", () => {
    const queue = open({ messages: { perSecond: 10, ready: 12 } });
    expect(receive(queue).answer).toHaveLength(10);
    vi.advanceTimersByTime(1_000);
    expect([receive(queue), receive(queue)].map(({ answer }) => answer?.length)).toEqual([2, 0]);
    vi.advanceTimersByTime(60);
    expect(receive(queue).answer).toHaveLength(0);
    vi.advanceTimersByTime(10); // −ln(0.5) / 10 s = 69 ms
    expect(receive(queue).answer).toHaveLength(1);
    queue.close();
  });

  it("has polls wait, answers one when a message arrives and the others when their wait is over", () => {
    const queue = open({ messages: { perSecond: 10, ready: 0 } });
    const [first, second] = [receive(queue, { waitMs: 500 }), receive(queue, { waitMs: 90 })];
    vi.advanceTimersByTime(80); // −ln(0.5) / 10 s = 69 ms
    expect([first.answer?.length, second.answer]).toEqual([1, undefined]);
    vi.advanceTimersByTime(10);
    expect(second.answer).toEqual([]);
    expect(queue.counts().openPollMs).toBeCloseTo(69.3 + 90, 0);
    queue.close();
  });

  it("keeps no poll whose client is gone", () => {
    const queue = open({ messages: "none" });
    const gone = receive(queue, { waitMs: 500 });
    gone.giveUp?.();
    vi.advanceTimersByTime(1_000);
    expect(gone.answer).toBeUndefined();
    expect(queue.counts().openPollMs).toBe(0);
  });

  it("counts each lease that ran out, and none that was extended or ended in time", () => {
    const queue = open({ messages: "deep", trackLeases: true });
    const handles = (receive(queue, { max: 4 }).answer ?? []).map((one) => one.ReceiptHandle);
    const [kept = "", deleted = "", late = ""] = handles;
    vi.advanceTimersByTime(900);
    queue.extend(kept, 1);
    queue.delete(deleted);
    vi.advanceTimersByTime(200);
    queue.extend(late, 1); // Too late: the lease of this one and of the last is over.
    queue.delete(late);
    expect(queue.counts().leasesLost).toBe(2);
    vi.advanceTimersByTime(2_000);
    expect(queue.counts().leasesLost).toBe(3);
  });

  it("counts what was in hand for longer than its first lease, whether lost or kept or deleted", () => {
    const queue = open({ messages: "deep", trackLeases: true });
    const handles = (receive(queue, { max: 4 }).answer ?? []).map((one) => one.ReceiptHandle);
    const [kept = "", early = "", late = ""] = handles;
    vi.advanceTimersByTime(900);
    for (const handle of [kept, late]) queue.extend(handle, 2);
    queue.delete(early);
    expect(queue.counts().outlasted).toBe(0);
    vi.advanceTimersByTime(200);
    expect(queue.counts()).toMatchObject({ outlasted: 3, leasesLost: 1 });
    queue.delete(late);
    expect(queue.counts()).toMatchObject({ outlasted: 3, leasesLost: 1 });
  });
});
