/**
 * Options of the producer and of a send: nonsense is refused, by name and with what was received, and nothing
 * of it is sent.
 */
import { HttpSqs, InvalidMessageError, Producer } from "millrace";
import { describe, expect, it } from "vitest";
import {
  expectRefusal,
  nested,
  noClocks,
  noFunctions,
  noNumbers,
  prickly,
  rows,
} from "../refusals.ts";

const queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
const sqs = { call: (): Promise<never> => Promise.reject(new Error("unused")) };

function make(options: unknown): Producer {
  return new Producer(options as ConstructorParameters<typeof Producer>[0]);
}

describe("a producer refuses", () => {
  it.each(
    rows({
      queue: [undefined, null, "", 42, {}, "not a queue", "ftp://host/queue"],
      sqs: [HttpSqs, null, "http://127.0.0.1:9324", {}, { call: true }, prickly()],
      batch: [null, 10, "10", [], () => {}],
      "batch.maxSize": [...noNumbers, 0, 1.5, 11],
      "batch.maxWaitMs": [...noNumbers, 86_400_001],
      "batch.maxPerGroup": [...noNumbers, 0, 1.5, 11],
      "batch.maxsize": [5],
      retry: [null, 3, "never", [], () => 1],
      "retry.baseMs": [...noNumbers, 0, 86_400_001],
      "retry.maxMs": [...noNumbers, 99],
      "retry.giveUpAfterMs": [...noNumbers, 0, 5, 14 * 86_400_000 + 1],
      "retry.attempts": [3],
      maxPending: [...noNumbers, 0, 1.5, 2 ** 53],
      maxInFlight: [...noNumbers, 0, 1.5, 1_001],
      contentBasedDeduplication: [null, "false", 0],
      clock: noClocks,
      random: noFunctions,
      maxpending: [5],
    }),
  )("nonsense $nth for $option", ({ option, value }) => {
    expectRefusal(() => make({ queue, sqs, ...nested(option, value()) }), option, value());
  });

  it("options that contradict each other", () => {
    const impatient = { batch: { maxWaitMs: 50 }, retry: { giveUpAfterMs: 50 } };
    expectRefusal(() => make({ queue, sqs, ...impatient }), "retry.giveUpAfterMs", 50);
    const shrinking = { retry: { baseMs: 100, maxMs: 99 } };
    expectRefusal(() => make({ queue, sqs, ...shrinking }), "retry.maxMs", 99);
  });

  it.each([undefined, null, "jobs", 1, []])("options that are no object: %j", (options) => {
    expectRefusal(() => make(options), "options", options);
  });

  it("a password in the queue's URL, without repeating it", () => {
    for (const url of ["https://user:hush@host/q", "https://:hush@host/q"]) {
      expect(() => make({ queue: url, sqs })).toThrow(/^queue must be .*\(not shown\)@host/);
      expect(() => make({ queue: url, sqs })).not.toThrow(/hush/);
    }
  });

  it("nothing at the edges, nor what is undefined", async () => {
    const own = new HttpSqs({ region: "eu-west-1" });
    for (const options of [
      { batch: { maxSize: 1, maxWaitMs: 0, maxPerGroup: 10 }, retry: { baseMs: 1, maxMs: 1 } },
      { batch: undefined, retry: undefined, sqs: own, maxPending: undefined, clock: undefined },
      { maxPending: 1, maxInFlight: 1_000, contentBasedDeduplication: true },
    ]) {
      await make({ queue, sqs, ...options }).close();
    }
    await own.close();
  });
});

describe("a send refuses", () => {
  it.each(
    rows({
      delaySeconds: [...noNumbers, 1.5, 901],
      groupId: [null, "", 7, "a b", "g".repeat(129), {}],
      deduplicationId: [null, "d", 7],
      attributes: [null, "x", 7, ["x"], new Map([["a", "x"]]), new Set(["x"]), new Headers()],
      signal: [null, "abort", {}, new AbortController(), prickly()],
      delay: [5],
      attribute: [{}],
    }),
  )("nonsense $nth for $option", async ({ option, value }) => {
    await using producer = make({ queue, sqs });
    const error: unknown = await producer
      .send("x", { [option]: value() })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidMessageError);
    expect(error).toMatchObject({ code: "INVALID_MESSAGE", field: option });
    expect(producer.stats()).toMatchObject({ failed: 1, pending: 0, requests: {} });
  });

  it.each([null, 5, "x"])("options that are no object: %j", async (options) => {
    await using producer = make({ queue, sqs });
    await expect(producer.send("x", options as never)).rejects.toMatchObject({ field: "options" });
  });
});
