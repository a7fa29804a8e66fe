/** The judgement on memory: what is flat, what grows, and that one odd sample decides nothing. */
import { describe, expect, test } from "vitest";
import { isFlat, tolerances, trendOf } from "../src/chaos/memory-samples.ts";
import type { MemorySample } from "../src/chaos/memory-samples.ts";

/** Thirty samples, a thousand messages apart, whose heap is as given. */
function samples(heapUsedBytes: (messages: number) => number): MemorySample[] {
  return Array.from({ length: 30 }, (_, index) => {
    const messages = (index + 1) * 1_000;
    const heap = heapUsedBytes(messages);
    return { messages, heapUsedBytes: heap, externalBytes: 1_000, resources: 30 };
  });
}

const heapIsFlat = (given: readonly MemorySample[]): boolean =>
  isFlat(trendOf(given, "heapUsedBytes"), "heapUsedBytes");

describe("a heap", () => {
  test("that stays is flat", () => {
    const given = samples(() => 10_000_000);
    expect(trendOf(given, "heapUsedBytes")).toEqual({
      first: 10_000_000,
      last: 10_000_000,
      slope: 0,
    });
    expect(heapIsFlat(given)).toBe(true);
  });

  test("that grows by 40 bytes a message is not", () => {
    const given = samples((messages) => 10_000_000 + 40 * messages);
    // Of the first ten samples it is the one between the fifth and the sixth.
    expect(trendOf(given, "heapUsedBytes").first).toBe(10_220_000);
    expect(trendOf(given, "heapUsedBytes").last).toBe(11_020_000);
    expect(trendOf(given, "heapUsedBytes").slope).toBeCloseTo(40);
    expect(heapIsFlat(given)).toBe(false);
  });

  test("that shrinks is flat", () => {
    expect(heapIsFlat(samples((messages) => 50_000_000 - 100 * messages))).toBe(true);
  });

  test("with one odd sample is judged by the others", () => {
    const given = samples((messages) => (messages === 29_000 ? 90_000_000 : 10_000_000));
    expect(heapIsFlat(given)).toBe(true);
  });
});

test("handles that add up are told from those that come and go", () => {
  const handles = (count: (index: number) => number): boolean => {
    const given = samples(() => 0).map((sample, index) => ({ ...sample, resources: count(index) }));
    return isFlat(trendOf(given, "resources"), "resources");
  };
  expect(handles((index) => 30 + (index % 2) * tolerances.resources)).toBe(true);
  expect(handles((index) => 30 + index)).toBe(false);
});

test("too few samples are refused", () => {
  expect(() => trendOf(samples(() => 0).slice(0, 2), "resources")).toThrow(RangeError);
});
