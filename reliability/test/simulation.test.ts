/**
 * The promises under faults, by the seed: what `npm run simulate` does with many more of them.
 */
import { describe, expect, it } from "vitest";
import { queueKinds, runSeed } from "../src/simulation/run.ts";

/** Of each kind of queue; all together they take a few seconds. */
const seeds = 100;

describe.each(queueKinds)("on %s queues", (kind) => {
  it(`every promise is kept, seed by seed (1 to ${seeds})`, async () => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { violations } = await runSeed(seed, [kind]);
      expect(violations, `seed ${seed}`).toEqual([]);
    }
  });

  it("a seed is the same run again, event by event", async () => {
    const first = await runSeed(7, [kind]);
    const second = await runSeed(7, [kind]);
    expect(first.entries.length).toBeGreaterThan(50);
    expect(second.entries).toEqual(first.entries);
  });
});

it("in these seeds every kind of fault befalls a call, and every kind of thing is done to consumers", async () => {
  const faults = new Set<string>();
  const events = new Set<string>();
  const behaviours = new Set<string>();
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { entries } = await runSeed(seed);
    for (const entry of entries) {
      events.add(entry.type);
      if (entry.type === "request" && entry.fault !== undefined) faults.add(entry.fault);
      if (entry.type === "handlerStarted") behaviours.add(entry.behaviour);
    }
  }
  expect([...faults].toSorted()).toEqual([
    "denied",
    "emptyAnswer",
    "failedAfter",
    "failedBefore",
    "hung",
    "hungUntilAborted",
    "lostAfter",
    "lostBefore",
    "queueMissing",
    "slowAnswer",
    "slowRequest",
    "someFail",
    "someUnsaid",
    "stubbornAnswer",
    "throttled",
    "tokenExpired",
    "twice",
  ]);
  expect(events).toContain("crashed");
  expect(events).toContain("blocked");
  expect(events).toContain("paused");
  expect(events).toContain("stopResolved");
  expect([...behaviours].toSorted()).toEqual([
    "blocks",
    "deadLetters",
    "deaf",
    "hangs",
    "long",
    "outcomes",
    "quick",
    "rejects",
    "releases",
    "retries",
    "short",
    "throws",
    "waitsForAbort",
  ]);
});
