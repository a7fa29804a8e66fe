import { describe, expect, it } from "vitest";
import { quantile, spread } from "../src/statistics.ts";

describe("quantile", () => {
  it.each([
    [0, 1],
    [0.5, 2.5],
    [0.75, 3.25],
    [1, 4],
  ])("%f of 1 to 4 is %f", (q, expected) => {
    expect(quantile([4, 2, 3, 1], q)).toBe(expected);
  });

  it("is NaN of nothing", () => {
    expect(quantile([], 0.5)).toBeNaN();
  });
});

it("spread has the median between the least and the most", () => {
  expect(spread([3, 1, 10])).toEqual({ median: 3, min: 1, max: 10 });
});
