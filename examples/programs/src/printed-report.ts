/**
 * Owns how figures and checks look on standard output. It never decides anything.
 */
import pc from "picocolors";
import type { Check } from "./check.ts";

/** Prints a table of names and values, and below it what held and what did not. */
export function printReport(
  figures: readonly (readonly [name: string, value: string])[],
  checks: readonly Check[],
): void {
  // Not left to picocolors, which colours files too when the variable CI is set.
  const { NO_COLOR = "" } = process.env;
  const { bold, dim, green, red } = pc.createColors(process.stdout.isTTY && NO_COLOR === "");
  const width = Math.max(...figures.map(([name]) => name.length));
  console.log(bold("Summary"));
  for (const [name, value] of figures) console.log(`  ${name.padEnd(width)}  ${value}`);
  console.log(bold("\nChecks"));
  for (const { name, held, detail } of checks) {
    console.log(`  ${held ? green("✔") : red("✘")} ${name}  ${dim(detail)}`);
  }
}
