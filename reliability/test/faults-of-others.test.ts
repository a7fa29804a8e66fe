/** The page about the faults of others cannot rot: each of its rows names a test that there is. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const page = new URL("../../docs/faults-of-others.md", import.meta.url);
const lines = readFileSync(page, "utf8").match(/^\| *\d.*$/gm) ?? [];

const rows = lines.map((line) => {
  const [, number, path, title] = /^\| *(\d+) *\|.*\]\((\S+)\) *\| `([^`]+)` *\|$/.exec(line) ?? [];
  if (path === undefined || title === undefined) throw new Error(`a row of another shape: ${line}`);
  return { number: Number(number), path, title };
});

it("has each of the 34 faults, in order", () => {
  const numbers = rows.map(({ number }) => number);
  expect([...new Set(numbers)]).toEqual(Array.from({ length: 34 }, (_, index) => index + 1));
  expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
});

it.each(rows)("fault $number is guarded by $path: $title", ({ path, title }) => {
  const file = new URL(path, page);
  expect(path).toMatch(/\.test\.ts$/);
  expect(existsSync(file)).toBe(true);
  // As a title, or in a table of which titles are made.
  expect(readFileSync(file, "utf8").includes(`"${title}"`), "is a title there").toBe(true);
});
