/**
 * What is remembered of lanes that broke while others were unread, and for how long.
 */
import { release, sleep } from "millrace";
import { expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { BrokenLanes } from "../../src/consumer/broken-lanes.ts";
import { Bench } from "./bench.ts";

const outcomeOf = (): ReturnType<typeof release> => release();

it("those received before the failure go back, those after it do not", () => {
  const lanes = new BrokenLanes();
  lanes.break("a", 3, outcomeOf);
  expect(lanes.outcomeAt("a", 3)).toBe(outcomeOf);
  expect(lanes.outcomeAt("a", 4)).toBeUndefined();
  expect(lanes.outcomeAt("b", 3)).toBeUndefined();
});

it("a lane is forgotten once nothing of it is left to be looked at, however long others come", () => {
  const lanes = new BrokenLanes();
  // Twenty are unread at any time, and each lane breaks once.
  for (let looked = 1; looked <= 10_000; looked += 1) {
    lanes.forgetBefore(looked);
    lanes.break(`lane ${looked}`, looked + 20, outcomeOf);
    expect(lanes.size).toBeLessThanOrEqual(21);
  }
});

it("a lane is remembered for as long as the last of those before its failure is to be looked at", () => {
  const lanes = new BrokenLanes();
  lanes.break("a", 3, outcomeOf);
  lanes.forgetBefore(3);
  expect(lanes.outcomeAt("a", 3)).toBe(outcomeOf);
  lanes.forgetBefore(4);
  expect(lanes.size).toBe(0);
});

it("one that breaks anew is remembered for as long as its last failure counts", () => {
  const lanes = new BrokenLanes();
  lanes.break("a", 1, outcomeOf);
  lanes.break("b", 2, outcomeOf);
  lanes.break("a", 9, outcomeOf);
  lanes.forgetBefore(5);
  expect(lanes.size).toBe(1);
  expect(lanes.outcomeAt("a", 9)).toBe(outcomeOf);
});

it("a consumer that has always something to read remembers what the unread are told by, and none once all are read", async () => {
  const bench = await Bench.open();
  const breaking = vi.spyOn(BrokenLanes.prototype, "break");
  onTestFinished(() => breaking.mockRestore());
  const remembered = (): number => {
    const [lanes] = breaking.mock.contexts;
    return lanes instanceof BrokenLanes ? lanes.size : 0;
  };
  let most = 0;
  const inHand = 20;
  const { consumer } = bench.consumer({
    concurrency: inHand / 2,
    prefetch: inHand / 2,
    schema: z.string().refine(async () => {
      await sleep(bench.clock, 10);
      return true;
    }),
    // Each is a lane of its own, and breaks.
    orderBy: ({ body }) => body,
    retry: () => 3_600,
    handle: () => {
      most = Math.max(most, remembered());
      throw new Error("on purpose");
    },
  });
  await bench.send(...Array.from({ length: 300 }, (_, number) => JSON.stringify(`key ${number}`)));
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().retried === 300);
  expect(breaking.mock.calls.length).toBeGreaterThan(200);
  expect(most).toBeLessThanOrEqual(inHand + 1);
  expect(remembered()).toBe(0);
});
