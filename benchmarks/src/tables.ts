/**
 * Owns results as rows of text: one table for each case and one for the targets. It never says how a table is
 * drawn.
 */
import { cases } from "./cases/all.ts";
import { caseNames } from "./cases/names.ts";
import type { CaseName } from "./cases/names.ts";
import { formatFigure, headOf } from "./metrics.ts";
import type { MetricName } from "./metrics.ts";
import { catalogue } from "./peers/catalogue.ts";
import type { Results, Row } from "./results.ts";
import type { Spread } from "./statistics.ts";
import type { Verdict } from "./targets.ts";

/** The first row is the head. The first column is text, the others are figures. */
export type Table = readonly (readonly string[])[];

/** The table of a case; undefined when it was not run. */
export function caseTable(results: Results, caseName: CaseName): Table | undefined {
  const rows = results.cases[caseName];
  if (rows === undefined) return undefined;
  const shown = cases[caseName].metrics.filter((name) => rows.some(({ metrics }) => metrics[name]));
  const [axis] = rows.flatMap(({ point }) => point?.axis ?? []);
  // How many rounds a figure is of: in the head where that is the same for all peers, else in a column.
  const columns = shown.map((name) => ({
    name,
    rounds: distinct(rows.flatMap((row) => roundsOf(row, name) || [])),
  }));
  const differ = columns.some(({ rounds }) => rounds.length > 1);
  return [
    [
      "",
      ...(axis === undefined ? [] : ["with"]),
      ...(differ ? ["rounds"] : []),
      ...columns.map(({ name, rounds: [count = 0] }) =>
        differ || count === results.rounds ? headOf(name) : `${headOf(name)} (rounds: ${count})`,
      ),
    ],
    ...rows.map((row) => [
      catalogue[row.peer].title,
      ...(axis === undefined ? [] : [pointOf(row)]),
      ...(differ ? [distinct(shown.flatMap((name) => roundsOf(row, name) || [])).join("–")] : []),
      ...shown.map((name) => figureOf(row.metrics[name])),
    ]),
  ];
}

export function targetTable(verdicts: readonly Verdict[]): Table {
  return [
    ["target", "case", "goal", "measured", "met"],
    ...verdicts.map(({ caseName, text, goal, value, met }) => [
      text,
      String(caseNames.indexOf(caseName) + 1),
      goalOf(goal),
      formatFigure(value),
      met ? "yes" : "no",
    ]),
  ];
}

/** In how many rounds it was measured. */
function roundsOf({ rounds }: Row, name: MetricName): number {
  return rounds.filter((figures) => figures[name] !== undefined).length;
}

/** Several counts that say the same are one. */
function distinct(counts: readonly number[]): readonly number[] {
  return [...new Set(counts)].toSorted((a, b) => a - b);
}

function goalOf({ atLeast, atMost }: Verdict["goal"]): string {
  if (atLeast === undefined) return `≤ ${atMost}`;
  return atMost === undefined ? `≥ ${atLeast}` : `${atLeast} to ${atMost}`;
}

function pointOf({ point }: Row): string {
  return point === undefined ? "" : `${point.value.toLocaleString("en-GB")} ${point.axis}`;
}

function figureOf(figure: Spread | undefined): string {
  if (figure === undefined) return "";
  const { median, min, max } = figure;
  const [middle, low, high] = [median, min, max].map(formatFigure);
  return low === high ? `${middle}` : `${middle} (${low}–${high})`;
}

/** For a terminal. */
export function aligned(table: Table): string {
  const widths = widthsOf(table);
  return table
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** As Markdown, in the form that formatters leave alone. */
export function markdown(table: Table): string {
  const widths = widthsOf(table).map((width) => Math.max(width, 3));
  const [head = [], ...rows] = table.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    ),
  );
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [lineOf(head), lineOf(rule), ...rows.map(lineOf)].join("\n");
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function widthsOf(table: Table): number[] {
  const [head = []] = table;
  return head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
}
