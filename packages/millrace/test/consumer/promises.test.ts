/**
 * Three of the promises that the library makes, each over a whole run: nothing is lost, it is frugal, it is
 * calm. Those about leases, bounds and stopping are beside the parts that keep them.
 */
import { retry, sleep, SqsConnectionError } from "millrace";
import type { SqsOperation } from "millrace";
import { describe, expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import { Bench, only } from "./bench.ts";
import { failEntries } from "./entry-faults.ts";
import { never, serviceError } from "./faults.ts";

const used = [
  "ReceiveMessage",
  "DeleteMessageBatch",
  "ChangeMessageVisibilityBatch",
  "SendMessage",
] as const satisfies readonly SqsOperation[];

/** A schema that takes what is a string. */
const strings = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value: unknown) =>
      typeof value === "string" ? { value } : { issues: [{ message: "no string" }] },
  },
} as const;

describe("promise 1: nothing is lost", () => {
  it.each([1, 2, 3, 4])("whatever goes wrong on the way (seed %i)", async (seed) => {
    const bench = await Bench.open({}, { reorder: true, duplicateRate: 0.05 });
    const url = await bench.deadLetterQueue();
    const random = seededRandom(seed);
    const texts = Array.from({ length: 200 }, (_, index) => `job ${index}`);
    const poison = ["[1]", "{}", "nothing at all"];
    await bench.send(...poison, ...texts.map((text) => JSON.stringify(text)));

    const bodyOf = new Map<string, string>();
    const resolved = new Set<string>();
    const early: unknown[] = [];
    for (const operation of used) {
      bench.sqs.intercept<SqsOperation>(operation, async (next, input, { signal }) => {
        const luck = random();
        await sleep(bench.clock, random() * 400, signal);
        // A fifth of the calls fail, before or after SQS has done what they ask, or never end.
        if (luck < 0.1) throw new SqsConnectionError("connection reset", operation);
        if (luck < 0.12) return never();
        if (operation === "DeleteMessageBatch" && "Entries" in input) {
          for (const entry of input.Entries) {
            const body = "ReceiptHandle" in entry && bodyOf.get(entry.ReceiptHandle);
            if (typeof body === "string" && !resolved.has(body)) early.push(body);
          }
        }
        const answer = await next();
        if ("Messages" in answer) {
          for (const { ReceiptHandle = "", Body = "" } of answer.Messages ?? []) {
            bodyOf.set(ReceiptHandle, Body);
          }
        }
        await sleep(bench.clock, random() * 400, signal);
        if (luck > 0.92) throw serviceError(operation, "InternalError", 500);
        return answer;
      });
    }
    bench.sqs.intercept("SendMessage", async (next, { MessageBody }) => {
      if (random() < 0.3) throw serviceError("SendMessage", "ServiceUnavailable", 503);
      const answer = await next();
      resolved.add(MessageBody); // Its copy is safe.
      return answer;
    });

    const done = new Set<string>();
    const { consumer, told } = bench.consumer({
      schema: strings,
      handle: async ({ body, rawBody }, { signal }) => {
        await sleep(bench.clock, random() * 5_000, signal);
        const luck = random();
        if (luck < 0.2) throw new Error("on purpose");
        if (luck < 0.3) return retry({ afterSeconds: 2 });
        done.add(body);
        resolved.add(rawBody);
        return undefined;
      },
      handlerTimeoutMs: 4_500,
      visibilityTimeoutSeconds: 5,
      concurrency: 15,
      prefetch: 15,
    });
    await bench.start(consumer);
    const empty = async (): Promise<boolean> => {
      const { visible, inFlight } = await bench.depth();
      return visible + inFlight === 0;
    };
    for (let minute = 0; minute < 60 && !(await empty()); minute += 1) {
      await bench.clock.advance(60_000);
    }
    await bench.run(consumer.stop());

    expect(early, "deleted before they were done").toEqual([]);
    expect(done).toEqual(new Set(texts));
    const { Messages = [] } = await bench.service.call("ReceiveMessage", {
      QueueUrl: url,
      MaxNumberOfMessages: 10,
    });
    expect(new Set(Messages.map(({ Body }) => Body))).toEqual(new Set(poison));
    expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
    const { inHand, received } = consumer.stats();
    expect(inHand).toBe(0);
    expect(received).toBeGreaterThan(203);
    expect(only(told, "received").reduce((sum, { count }) => sum + count, 0)).toBe(received);
  });
});

describe("promise 6: frugal", () => {
  it("takes 0.2 requests a message at a deep backlog, however uneven the handlers are", async () => {
    const bench = await Bench.open();
    const random = seededRandom(6);
    for (let count = 0; count < 1_500; count += 1) await bench.send(`job ${count}`);
    const { consumer } = bench.consumer({
      handle: () => sleep(bench.clock, random() < 0.05 ? 200 : 20 * random()),
      concurrency: 100,
      prefetch: 100,
    });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 1_500);
    const { requests } = consumer.stats();
    const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
    expect(total / 1_500).toBeLessThan(0.24);
  });

  it("keeps one long poll open while the queue is empty: 180 requests an hour", async () => {
    const bench = await Bench.open();
    const { consumer } = bench.consumer({ handle: () => {}, concurrency: 50, prefetch: 50 });
    await bench.start(consumer);
    const before = bench.sqs.calls.length;
    await bench.clock.advance(3_600_000);
    expect(bench.sqs.calls.length - before).toBeLessThanOrEqual(181);
    expect(consumer.stats()).toMatchObject({ openPolls: 1 });
  });
});

describe("promise 7: calm", () => {
  const faults = {
    "refused connections": (operation: SqsOperation) =>
      Promise.reject(new SqsConnectionError("connection refused", operation)),
    throttles: (operation: SqsOperation) =>
      Promise.reject(serviceError(operation, "RequestThrottled")),
    "denied permission": (operation: SqsOperation) =>
      Promise.reject(serviceError(operation, "AccessDenied", 403)),
    silence: never,
  } as const;

  it.each(Object.keys(faults) as (keyof typeof faults)[])(
    "does not spin through ten minutes of %s, says so, and recovers",
    async (name) => {
      const bench = await Bench.open();
      await bench.send(...Array.from({ length: 40 }, (_, index) => `job ${index}`));
      let broken = false;
      for (const operation of used) {
        bench.sqs.intercept<SqsOperation>(operation, (next) =>
          broken ? faults[name](operation) : next(),
        );
      }
      const { consumer } = bench.consumer({
        handle: (_, { signal }) => sleep(bench.clock, 20_000, signal),
        concurrency: 10,
        prefetch: 10,
      });
      await bench.start(consumer);
      await bench.clock.advance(1_000);
      broken = true;
      const before = bench.sqs.calls.length;
      const tenMinutes = bench.clock.monotonicMs() + 600_000;
      // Until leases are over no permit is free; a minute after the first poll that fails it is failing.
      await bench.clock.advance(150_000);
      expect(consumer.health()).toMatchObject({ status: "failing" });
      await bench.clock.advance(tenMinutes - bench.clock.monotonicMs());
      const calls = bench.sqs.calls.slice(before);
      // Polls every 20 s at most, and 40 settlements and leases that are given up after a while.
      expect(calls.length).toBeLessThan(250);
      const polls = calls.filter(({ operation }) => operation === "ReceiveMessage");
      const pauses = polls.slice(1).map(({ atMs }, index) => atMs - (polls[index]?.atMs ?? 0));
      expect(new Set(pauses).size).toBeGreaterThan(pauses.length / 2);
      broken = false;
      await bench.clock.advanceUntil(() => consumer.stats().acknowledged === 40);
      await bench.clock.advance(1_000);
      expect(consumer.health()).toMatchObject({ status: "healthy" });
      expect(consumer.stats()).toMatchObject({ inHand: 0 });
      expect(await bench.depth()).toEqual({ visible: 0, inFlight: 0 });
    },
  );

  it("settles without spinning while SQS refuses each entry by itself", async () => {
    const bench = await Bench.open();
    await bench.send(...Array.from({ length: 20 }, (_, index) => `job ${index}`));
    failEntries(bench, "DeleteMessageBatch", () => ({ Code: "InternalError" }));
    const { consumer } = bench.consumer({ handle: () => {}, concurrency: 20, prefetch: 0 });
    await bench.start(consumer);
    await bench.clock.advanceUntil(() => consumer.stats().settlementsFailed >= 20);
    expect(bench.sqs.of("DeleteMessageBatch").length).toBeLessThan(60);
  });
});
