import { seededRandom } from "millrace/testing";
import { describe, expect, it } from "vitest";
import { seatNames } from "../../src/office/hall.ts";
import { wantedSeat } from "../../src/rush/demand.ts";
import { percentilesOf } from "../../src/rush/percentile.ts";

describe("what the crowd of a rush wants", () => {
  it.each([
    [20_000, 500],
    [500, 500],
    [40, 7],
    [3, 500],
    [1, 1],
  ])(
    "of %i requests for %i seats: every seat that can be sold, and no other",
    (requests, seats) => {
      const random = seededRandom(7);
      const wanted = new Set(
        Array.from({ length: requests }, (_, request) =>
          wantedSeat(request, { requests, seats }, random),
        ),
      );
      expect([...wanted].every((seat) => seat >= 0 && seat < seats)).toBe(true);
      expect(wanted.size).toBe(Math.min(requests, seats));
    },
  );

  it("is the same seats at the same time", () => {
    const random = seededRandom(7);
    const plan = { requests: 20_000, seats: 500 };
    const together = Array.from({ length: 32 }, (_, i) => wantedSeat(10_000 + i, plan, random));
    expect(new Set(together).size).toBeLessThanOrEqual(10);
  });
});

it("seats have names, row by row", () => {
  expect(seatNames({ seats: 6, seatsPerRow: 4 })).toEqual(["A1", "A2", "A3", "A4", "B1", "B2"]);
  const names = seatNames({ seats: 10_000, seatsPerRow: 10 });
  expect(new Set(names).size).toBe(10_000);
  expect([names[259], names[260], names[270], names[7_020]]).toEqual(["Z10", "AA1", "AB1", "AAA1"]);
});

it("percentiles are by nearest rank", () => {
  expect(percentilesOf([])).toEqual({ p50: 0, p99: 0 });
  expect(percentilesOf([3, 1, 2])).toEqual({ p50: 2, p99: 3 });
  expect(percentilesOf(Array.from({ length: 1_000 }, (_, i) => 1_000 - i))).toEqual({
    p50: 500,
    p99: 990,
  });
});
