import { describe, expect, it } from "vitest";
import { rushDefaults } from "../../src/rush/rush-plan.ts";
import { judge } from "../../src/rush/rush-report.ts";
import type { RushFindings } from "../../src/rush/run-rush.ts";

const good: RushFindings = {
  plan: { ...rushDefaults, requests: 100, seats: 10, killEveryMs: 1_000 },
  bought: {
    type: "bought",
    accepted: 100,
    failed: 0,
    durationMs: 1_000,
    answerMs: { p50: 1, p99: 2 },
  },
  ledger: {
    taken: 100,
    decided: 100,
    sold: 10,
    outbox: 0,
    pending: 0,
    confirmed: 10,
    refused: 90,
    seatsSoldTwice: 0,
    atOdds: 0,
    decidedTwice: 0,
    toldTwice: 0,
    untold: 0,
    decisionMs: { p50: 1, p99: 2 },
  },
  durationMs: 2_000,
  queue: 0,
  deadLetters: 0,
  kills: 3,
  resent: 2,
};

/** The checks that did not hold. */
function failed(findings: RushFindings): string[] {
  return judge(findings)
    .filter(({ held }) => !held)
    .map(({ name }) => name);
}

describe("the judgement of a rush", () => {
  it("is good when all is as it has to be", () => {
    expect(failed(good)).toEqual([]);
    expect(judge(good)).toHaveLength(6);
  });

  const { bought, ledger, plan } = good;
  it.each<[what: string, findings: Partial<RushFindings>, check: string]>([
    [
      "a request was not taken",
      { bought: { ...bought, accepted: 99, failed: 1, failure: "503" } },
      "every request was taken, and is there",
    ],
    [
      "a request that was taken is gone",
      { ledger: { ...ledger, taken: 99 } },
      "every request was taken, and is there",
    ],
    [
      "one was not decided",
      { ledger: { ...ledger, pending: 1 } },
      "every request was decided, once",
    ],
    [
      "one was decided twice",
      { ledger: { ...ledger, decidedTwice: 1 } },
      "every request was decided, once",
    ],
    ["one was sold too few", { ledger: { ...ledger, confirmed: 9 } }, "every seat was sold, once"],
    [
      "one was sold too many",
      { ledger: { ...ledger, confirmed: 11 } },
      "every seat was sold, once",
    ],
    [
      "a seat was sold twice",
      { ledger: { ...ledger, seatsSoldTwice: 1 } },
      "every seat was sold, once",
    ],
    ["the map says otherwise", { ledger: { ...ledger, atOdds: 1 } }, "every seat was sold, once"],
    [
      "somebody was told twice",
      { ledger: { ...ledger, toldTwice: 1 } },
      "every customer was told, once",
    ],
    [
      "somebody was not told",
      { ledger: { ...ledger, untold: 1 } },
      "every customer was told, once",
    ],
    ["the outbox is not empty", { ledger: { ...ledger, outbox: 1 } }, "nothing is left under way"],
    ["the queue is not empty", { queue: 1 }, "nothing is left under way"],
    ["a message was given up", { deadLetters: 1 }, "nothing is left under way"],
    ["nobody was killed", { kills: 0 }, "workers were killed"],
  ])("is not when %s", (_, findings, check) => {
    expect(failed({ ...good, ...findings })).toEqual([check]);
  });

  it("does not ask for kills where none were wanted", () => {
    const calm = { ...good, plan: { ...plan, killEveryMs: undefined }, kills: 0 };
    expect(failed(calm)).toEqual([]);
  });

  it("expects no more to be sold than was asked for", () => {
    const few = { ...good, plan: { ...plan, requests: 100, seats: 500 } };
    expect(failed({ ...few, ledger: { ...ledger, confirmed: 100, refused: 0 } })).toEqual([]);
  });
});
