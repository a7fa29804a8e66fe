/**
 * Permits: taken before a receive, given back once, on every way that a delivery can go. A leak shows as
 * a consumer that in the end holds fewer messages than it may; a permit given twice as one that holds more.
 */
import { deadLetter, release, retry } from "millrace";
import type { BatchOutput, BatchResultErrorEntry, Handler, SqsInput } from "millrace";
import { describe, expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import { Permits } from "../../src/consumer/permits.ts";
import { Bench } from "./bench.ts";
import { deferred, denied, never, refused, serviceError } from "./faults.ts";

/** What a batch call answers when SQS refuses each entry for good. */
const refusals = (entries: readonly { readonly Id: string }[]): BatchResultErrorEntry[] =>
  entries.map(({ Id }) => ({ Id, Code: "ReceiptHandleIsInvalid", SenderFault: true }));

const refusedEntries = ({ Entries }: SqsInput<"DeleteMessageBatch">): Promise<BatchOutput> =>
  Promise.resolve({ Successful: [], Failed: refusals(Entries) });

/** Resolves, or rejects with the signal's reason, as a well-behaved handler does. */
const untilAborted: Handler<string> = (_, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

interface Path {
  readonly handle: Handler<string>;
  readonly disturb?: (bench: Bench) => void;
}

const paths: Record<string, Path> = {
  "the handler resolves": { handle: () => {} },
  "the handler throws": { handle: () => Promise.reject(new Error("failed")) },
  "the handler asks for a retry": { handle: () => retry({ afterSeconds: 1 }) },
  "the handler releases": {
    handle: (message) => (message.receiveCount < 5 ? release() : undefined),
  },
  "the handler dead-letters": { handle: () => deadLetter({ reason: "never" }) },
  "dead-lettering is denied": {
    handle: () => deadLetter(),
    disturb: (bench) => bench.sqs.intercept("SendMessage", () => Promise.reject(denied())),
  },
  "the handler times out": { handle: untilAborted },
  "the handler is left behind": { handle: () => never() },
  "the lease is lost": {
    handle: untilAborted,
    disturb: (bench) =>
      bench.sqs.intercept("ChangeMessageVisibilityBatch", (_, input) => refusedEntries(input)),
  },
  "the settlement is refused": {
    handle: () => {},
    disturb: (bench) =>
      bench.sqs.intercept("DeleteMessageBatch", (_, input) => refusedEntries(input)),
  },
  "the settlement never succeeds": {
    handle: () => {},
    disturb: (bench) => bench.sqs.intercept("DeleteMessageBatch", () => Promise.reject(refused())),
  },
  "the settlement is never answered": {
    handle: () => {},
    disturb: (bench) => bench.sqs.intercept("DeleteMessageBatch", () => never()),
  },
  "polls fail": {
    handle: () => {},
    disturb: (bench) => bench.sqs.intercept("ReceiveMessage", () => Promise.reject(refused())),
  },
  "polls are never answered": {
    handle: () => {},
    disturb: (bench) => bench.sqs.intercept("ReceiveMessage", () => never()),
  },
  "polls answer what cannot be taken": {
    handle: () => {},
    disturb: (bench) =>
      bench.sqs.intercept("ReceiveMessage", () =>
        Promise.resolve({ Messages: [{ MessageId: "1" }] }),
      ),
  },
};

describe("fault 8: no permit is lost when", () => {
  it.each(Object.entries(paths))("%s", async (_, { handle, disturb }) => {
    const bench = await Bench.open({ VisibilityTimeout: "30" });
    await bench.deadLetterQueue();
    const done = deferred();
    let now = handle;
    const { consumer } = bench.consumer({
      concurrency: 4,
      prefetch: 2,
      handlerTimeoutMs: 40_000,
      handle: (message, context) => now(message, context),
    });
    for (let index = 0; index < 15; index += 1) await bench.send(`job ${index}`);
    await bench.start(consumer);
    disturb?.(bench);
    await bench.clock.advance(120_000);

    for (const operation of [
      "ReceiveMessage",
      "SendMessage",
      "DeleteMessageBatch",
      "ChangeMessageVisibilityBatch",
    ] as const) {
      bench.sqs.intercept(operation, undefined);
    }
    now = () => {};
    await bench.clock.advanceUntil(() => consumer.stats().inHand === 0, 3_600_000);
    await bench.clock.advance(3_600_000);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });

    // All are free again: as many as there are workers run at once, and none more is in hand than may be.
    now = () => done.promise;
    for (let index = 0; index < 15; index += 1) await bench.send(`more ${index}`);
    await bench.clock.advance(5_000);
    expect(consumer.stats().running).toBe(4);
    expect(consumer.stats().inHand).toBeLessThanOrEqual(6);
    done.resolve();
    now = () => {};
    await bench.clock.advanceUntil(() => consumer.stats().inHand === 0, 60_000);
    await bench.clock.advance(60_000);
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
  });

  it("messages are lost while they wait: no more is received than the channel has room for", async () => {
    const bench = await Bench.open({ VisibilityTimeout: "30" });
    for (let index = 0; index < 200; index += 1) await bench.send(`job ${index}`);
    const blocked = deferred();
    const { consumer } = bench.consumer({
      concurrency: 1,
      prefetch: 29,
      handle: () => blocked.promise,
    });
    // Of what is extended only the first, which has come first and is running, is not refused.
    let running: string | undefined;
    bench.sqs.intercept("ReceiveMessage", async (next) => {
      const output = await next();
      running ??= output.Messages?.[0]?.ReceiptHandle;
      return output;
    });
    bench.sqs.intercept("ChangeMessageVisibilityBatch", async (_, { QueueUrl, Entries }) => {
      const kept = Entries.filter(({ ReceiptHandle }) => ReceiptHandle === running);
      const lost = Entries.filter(({ ReceiptHandle }) => ReceiptHandle !== running);
      const answer = { Failed: refusals(lost) };
      if (kept.length === 0) return answer;
      const input = { QueueUrl, Entries: kept };
      return { ...answer, ...(await bench.service.call("ChangeMessageVisibilityBatch", input)) };
    });
    await bench.start(consumer);
    await bench.clock.advance(1_800_000);
    expect(consumer.stats()).toMatchObject({ received: 30, leasesLost: 29, inHand: 1 });

    bench.sqs.intercept("ChangeMessageVisibilityBatch", undefined);
    blocked.resolve();
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 200, 60_000);
    expect(consumer.stats().inHand).toBe(0);
  });
});

it("says at once when a permit is given twice", () => {
  const permits = new Permits(2);
  permits.take(2);
  permits.give(2);
  expect(() => permits.give(1)).toThrow(/permits/);
  expect(() => new Permits(1).take(2)).toThrow(/permits/);
});

describe("promises 1 and 2, in random runs", () => {
  it.each([1, 2, 3, 4, 5, 6])("seed %i", async (seed) => {
    const random = seededRandom(seed);
    const chance = (share: number): boolean => random() < share;
    const bench = await Bench.open({ VisibilityTimeout: "20" });
    const dead = await bench.deadLetterQueue();
    const concurrency = 1 + Math.floor(random() * 12);
    const prefetch = Math.floor(random() * 25);
    const bound = concurrency + prefetch;

    /** Messages whose handler has resolved, and those whose receipt handle was deleted. */
    const resolved = new Set<string>();
    const deleted = new Set<string>();
    const messageOf = new Map<string, string>();
    let calm = false;
    const flaky = async <T>(next: () => Promise<T>): Promise<T> => {
      if (!calm && chance(0.1)) throw refused();
      if (chance(0.5)) {
        await new Promise<void>((wake) => void bench.clock.setTimer(wake, random() * 300));
      }
      const output = await next();
      // Applied, and the answer lost.
      if (!calm && chance(0.05)) throw serviceError("DeleteMessageBatch", "InternalError", 500);
      return output;
    };
    bench.sqs.intercept("ReceiveMessage", async (next, { WaitTimeSeconds = 0 }) => {
      const output = await (WaitTimeSeconds > 0 ? flaky(next) : next());
      for (const { ReceiptHandle = "", MessageId = "" } of output.Messages ?? []) {
        messageOf.set(ReceiptHandle, MessageId);
      }
      return output;
    });
    bench.sqs.intercept("SendMessage", flaky);
    bench.sqs.intercept("ChangeMessageVisibilityBatch", flaky);
    bench.sqs.intercept("DeleteMessageBatch", (next, { Entries }) =>
      flaky(() => {
        for (const { ReceiptHandle } of Entries) deleted.add(messageOf.get(ReceiptHandle) ?? "");
        return next();
      }),
    );

    let running = 0;
    const { consumer } = bench.consumer({
      concurrency,
      prefetch,
      handlerTimeoutMs: 50_000,
      retry: () => random() * 10,
      handle: async (message, { signal }) => {
        running += 1;
        expect(running).toBeLessThanOrEqual(concurrency);
        try {
          const ms = chance(0.02) ? 100_000 : random() * 2_000;
          const ended = new Promise<void>((wake) => {
            const timer = bench.clock.setTimer(wake, ms);
            signal.addEventListener("abort", () => {
              timer.cancel();
              wake();
            });
          });
          await ended;
          signal.throwIfAborted();
          if (chance(0.1)) throw new Error("failed");
          if (chance(0.05)) return release();
          if (chance(0.05)) return retry({ afterSeconds: random() * 5 });
          if (chance(0.05)) return deadLetter();
          resolved.add(message.id);
          return undefined;
        } finally {
          running -= 1;
        }
      },
    });
    const check = (): void => {
      const stats = consumer.stats();
      expect(stats.inHand).toBeLessThanOrEqual(bound);
      expect(stats.received).toBe(
        stats.acknowledged +
          stats.retried +
          stats.released +
          stats.deadLettered +
          stats.leasesLost +
          stats.settlementsFailed +
          stats.inHand,
      );
    };
    for (const name of ["received", "started", "acknowledged", "retried", "leaseLost"] as const) {
      consumer.on(name, check);
    }

    const count = 150;
    const ids = new Set<string>();
    for (let index = 0; index < count; index += 1) {
      const { MessageId = "" } = await bench.service.call("SendMessage", {
        QueueUrl: bench.queueUrl,
        MessageBody: `job ${index}`,
      });
      ids.add(MessageId);
    }
    await bench.start(consumer);
    for (let second = 0; second < 30; second += 1) {
      await bench.clock.advance(1_000);
      check();
      if (chance(0.1)) {
        await bench.run(consumer.stop({ deadlineMs: random() * 3_000 }));
        await bench.start(consumer);
      }
    }
    calm = true;
    await bench.clock.advance(900_000);
    check();
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
    expect(consumer.stats().inHand).toBe(0);
    // A listener's or a handler's failed expectation would be logged, not thrown.
    expect(bench.logged.filter(({ message }) => /listener/.test(message))).toEqual([]);

    const copied = new Set(await bench.drain(dead));
    for (const id of ids) expect(deleted).toContain(id);
    // Copies have ids of their own, and one may be there twice; but nothing was deleted for nothing.
    expect(count - resolved.size).toBeLessThanOrEqual(copied.size);
  });
});
