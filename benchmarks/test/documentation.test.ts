import { describe, expect, it } from "vitest";
import { documented, whyUnfit } from "../src/documentation.ts";
import { newResults } from "../src/results.ts";
import type { Metrics, Results, Row } from "../src/results.ts";
import { spread } from "../src/statistics.ts";
import { caseTable } from "../src/tables.ts";
import { verdicts } from "../src/targets.ts";

/** Results of these cases, and of no others. */
function withCases(cases: Results["cases"], rounds = 1): Results {
  return newResults({
    startedAt: "2026-01-02T03:04:05.000Z",
    durationSeconds: 60,
    quick: false,
    hurry: 1,
    profile: false,
    rounds,
    machine: { cpu: "a CPU", cores: 2, memoryGb: 8, system: "linux", node: "v20", loadAverage: 0 },
    packages: { "sqs-consumer": "14" },
    cases,
  });
}

/** Results of case 1, of two peers with these CPU times. */
function resultsOf(millraceUs: readonly number[], floorUs: readonly number[]): Results {
  const backlog = [
    row("millrace", millraceUs),
    row("undici-loop", floorUs),
    row("sqs-consumer", [1_000]),
  ];
  return withCases({ backlog }, millraceUs.length);
}

function row(peer: Row["peer"], cpuUs: readonly number[]): Row {
  const rounds = cpuUs.map((one) => ({ cpuUs: one }));
  return { peer, metrics: { cpuUs: spread(cpuUs) }, endpointShare: 0.1, rounds };
}

/** A peer that was measured once. */
function rowOf(peer: Row["peer"], figures: Metrics): Row {
  const metrics = Object.entries(figures).map(([name, figure]) => [name, spread([figure])]);
  return { peer, metrics: Object.fromEntries(metrics), endpointShare: 0.1, rounds: [figures] };
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

  it("says next to a table whom the endpoint may have held up", () => {
    const { cases, ...rest } = resultsOf([30], [20]);
    const { backlog = [] } = cases;
    const busy = backlog.map((one) =>
      one.peer === "undici-loop" ? { ...one, endpointShare: 0.878 } : one,
    );
    const block = "<!-- bench:cases -->\n<!-- /bench:cases -->\n";
    expect(documented(block, { ...rest, cases: { backlog: busy } })).toContain(
      "may have held up: bare loop, undici (88 %).",
    );
    expect(documented(block, { ...rest, cases })).not.toContain("held up");
  });
});

describe("the table of a case", () => {
  const figures = (cpuUs: number, leasesLost?: number) =>
    leasesLost === undefined ? { cpuUs } : { cpuUs, leasesLost };

  it("says in its head which figures are of fewer rounds than the others", () => {
    const rounds = [figures(1, 0), figures(2), figures(3)];
    const metrics = { cpuUs: spread([1, 2, 3]), leasesLost: spread([0]) };
    const threads: Row = { peer: "millrace", metrics, endpointShare: 0.1, rounds };
    const [head] = caseTable(withCases({ "cpu-bound": [threads] }, 3), "cpu-bound") ?? [];
    expect(head).toEqual(["", "CPU a message, µs", "leases lost (rounds: 1)"]);
  });

  it("says in a column how many rounds a row is of, where rows differ", () => {
    const [once, often] = [1, 2].map((count): Row => {
      const rounds = Array.from({ length: count }, () => figures(count));
      const point = { axis: "workers", value: count } as const;
      return {
        peer: "millrace",
        point,
        metrics: { cpuUs: spread([count]) },
        endpointShare: 0,
        rounds,
      };
    });
    const rows = [once, often].flatMap((one) => one ?? []);
    expect(caseTable(withCases({ growth: rows }, 3), "growth")).toEqual([
      ["", "with", "rounds", "CPU a message, µs"],
      ["millrace", "1 workers", "1", "1.00"],
      ["millrace", "2 workers", "2", "2.00"],
    ]);
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

  it("find a consumer that does not poll no better than one that polls twice", () => {
    const judge = (idlePolls: number): boolean[] =>
      verdicts(withCases({ trickle: [rowOf("millrace", { idlePolls })] })).map(({ met }) => met);
    expect([0, 0.94, 0.95, 1, 1.01].map(judge)).toEqual([
      [false],
      [false],
      [true],
      [true],
      [false],
    ]);
  });

  it("have none on leases unless as many as there are handlers were held beyond the timeout", () => {
    const judge = (outlasted: number, leasesLost: number): boolean[] =>
      verdicts(
        withCases({ "cpu-bound": [rowOf("millrace-threads", { outlasted, leasesLost })] }),
      ).map(({ met }) => met);
    expect(judge(0, 0)).toEqual([]);
    expect(judge(3, 0)).toEqual([]);
    expect(judge(4, 0)).toEqual([true]);
    expect(judge(4, 1)).toEqual([false]);
  });

  it("have none on growth without both ends of the curve", () => {
    const judge = (...numbers: number[]): number =>
      verdicts(
        withCases({
          growth: numbers.map((value) => ({
            ...rowOf("millrace", { cpuUs: 20, heapMb: 10 }),
            point: { axis: "messages", value } as const,
          })),
        }),
      ).length;
    expect(judge(1_000, 10_000, 100_000)).toBe(0);
    expect(judge(10_000, 1_000_000)).toBe(0);
    expect(judge(1_000, 1_000_000)).toBe(2);
  });

  it.each([{ hurry: 2 }, { profile: true }])("have none on results with %j", (how) => {
    expect(verdicts({ ...resultsOf([1], [1]), ...how })).toEqual([]);
  });
});

describe("whyUnfit", () => {
  it.each([
    [{ quick: true }, "--quick"],
    [{ hurry: 20 }, "--hurry 20"],
    [{ profile: true }, "profiles"],
    [{}, "no verdict on case 1: requests a message"],
  ])("finds results with %j unfit for the documentation", (how, complaint) => {
    expect(whyUnfit({ ...resultsOf([1], [1]), ...how })).toContain(complaint);
  });
});
