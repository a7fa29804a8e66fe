/**
 * Owns how figures and checks look when a program is through. It never decides anything.
 */
import type { Check } from "./check.ts";
import { Screen } from "./screen.ts";

/** Prints a table of names and values, and below it what held and what did not. */
export function printReport(
  figures: readonly (readonly [name: string, value: string])[],
  checks: readonly Check[],
): void {
  const screen = new Screen();
  const { bold, dim, green, red } = screen.colors;
  const width = Math.max(...figures.map(([name]) => name.length));
  screen.text(bold("Summary"));
  for (const [name, value] of figures) screen.text(`  ${name.padEnd(width)}  ${value}`);
  screen.text(bold("\nChecks"));
  for (const { name, held, detail } of checks) {
    screen.text(`  ${held ? green("✔") : red("✘")} ${name}  ${dim(detail)}`);
  }
}
