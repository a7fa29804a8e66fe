import { describe, expect, it } from "vitest";
import { documented } from "../src/documentation.ts";
import { newResults } from "../src/results.ts";
import type { Results } from "../src/results.ts";
import { spread } from "../src/statistics.ts";
import { verdicts } from "../src/targets.ts";

/** Results of case 1, of two peers with these CPU times. */
function resultsOf(millraceUs: readonly number[], floorUs: readonly number[]): Results {
  return newResults({
    startedAt: "2026-01-02T03:04:05.000Z",
    durationSeconds: 60,
    quick: false,
    rounds: millraceUs.length,
    machine: { cpu: "a CPU", cores: 2, memoryGb: 8, system: "linux", node: "v20", loadAverage: 0 },
    packages: { "sqs-consumer": "14" },
    cases: {
      backlog: [
        row("millrace", millraceUs),
        row("undici-loop", floorUs),
        row("sqs-consumer", [1_000]),
      ],
    },
  });
}

function row(peer: "millrace" | "undici-loop" | "sqs-consumer", cpuUs: readonly number[]) {
  return { peer, metrics: { cpuUs: spread(cpuUs) }, endpointShare: 0.1, rounds: [] };
}

describe("documented", () => {
  const text =
    "before\n<!-- bench:targets -->\nold\n<!-- /bench:targets -->\nbetween\n<!-- bench:gains -->\n<!-- /bench:gains -->\nafter\n";

  it("writes blocks anew and leaves the rest as it is", () => {
    const written = documented(text, resultsOf([30, 20, 40], [20]));
    expect(written).toMatch(/^before\n.*\nbetween\n.*\nafter\n$/s);
    expect(written).not.toContain("old");
    expect(written).toMatch(/\| CPU time a message \| +1,000 µs \| +30\.0 µs \|/);
    expect(documented(written, resultsOf([30, 20, 40], [20]))).toBe(written);
  });

  it("refuses a block that it does not know", () => {
    const unknown = "<!-- bench:nothing -->\n<!-- /bench:nothing -->\n";
    expect(() => documented(unknown, resultsOf([1], [1]))).toThrow("bench:nothing");
  });
});

describe("verdicts", () => {
  it("judge by medians, and by figures as they are shown", () => {
    const judge = (millraceUs: readonly number[], floorUs: readonly number[]): boolean[] =>
      verdicts(resultsOf(millraceUs, floorUs)).map(({ met }) => met);
    expect(judge([27, 1, 99], [20])).toEqual([true, true]);
    expect(judge([27.08], [20])).toEqual([true, true]);
    expect(judge([27.2], [20])).toEqual([false, true]);
    expect(judge([101], [100])).toEqual([true, false]);
  });

  it("are silent about what was not measured", () => {
    const { cases: _, ...rest } = resultsOf([1], [1]);
    expect(verdicts({ ...rest, cases: {} })).toEqual([]);
  });
});
