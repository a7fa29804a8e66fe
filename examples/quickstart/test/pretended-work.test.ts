import { VirtualClock } from "millrace/testing";
import { expect, it } from "vitest";
import { PretendedWork } from "../src/pretended-work.ts";

const { signal } = new AbortController();

it("fails every fifth run of a share of 0.2, exactly", async () => {
  const pretended = new PretendedWork({ workMs: 0, failShare: 0.2 });
  const failed: number[] = [];
  for (let i = 1; i <= 1_000; i++) {
    await pretended.run(signal).catch(() => failed.push(i));
  }
  expect(failed).toEqual(Array.from({ length: 200 }, (_, index) => (index + 1) * 5));
});

it.each([
  { failShare: 0, failures: 0 },
  { failShare: 1, failures: 10 },
])("fails $failures of 10 with $failShare", async ({ failShare, failures }) => {
  const pretended = new PretendedWork({ workMs: 0, failShare });
  let failed = 0;
  for (let i = 0; i < 10; i++) await pretended.run(signal).catch(() => (failed += 1));
  expect(failed).toBe(failures);
});

it("takes half of its time to one and a half times of it", async () => {
  for (const [random, ms] of [
    [0, 50],
    [0.999, 149.9],
  ] as const) {
    const clock = new VirtualClock();
    const pretended = new PretendedWork({ workMs: 100, failShare: 0, clock, random: () => random });
    let over = false;
    const work = pretended.run(signal).then(() => (over = true));
    await clock.advanceUntil(() => over);
    await work;
    expect(clock.monotonicMs()).toBeCloseTo(ms);
  }
});

it("ends when it is told to", async () => {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const work = new PretendedWork({ workMs: 100, failShare: 0, clock }).run(abort.signal);
  const reason = new Error("the deadline");
  abort.abort(reason);
  await expect(work).rejects.toBe(reason);
  expect(clock.pendingTimers).toBe(0);
});
