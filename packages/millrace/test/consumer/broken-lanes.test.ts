/**
 * What is remembered of lanes that broke while others were unread, and for how long.
 */
import { expect, it } from "vitest";
import { BrokenLanes } from "../../src/consumer/broken-lanes.ts";
import { release } from "../../src/index.ts";

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

it("one that breaks anew is remembered for as long as its last failure counts", () => {
  const lanes = new BrokenLanes();
  lanes.break("a", 1, outcomeOf);
  lanes.break("b", 2, outcomeOf);
  lanes.break("a", 9, outcomeOf);
  lanes.forgetBefore(5);
  expect(lanes.size).toBe(1);
  expect(lanes.outcomeAt("a", 9)).toBe(outcomeOf);
});
