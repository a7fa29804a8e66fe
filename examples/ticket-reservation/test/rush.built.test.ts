import { expect, it } from "vitest";
import { useTemporaryDirectory } from "programs/testing";
import { run, start } from "./programs.ts";

const nothingLeft = useTemporaryDirectory();

interface Told {
  readonly passed: boolean;
  readonly checks: readonly { readonly name: string; readonly held: boolean }[];
  readonly kills: number;
  readonly resent: number;
  readonly ledger: Readonly<Record<string, unknown>>;
}

/** The checks that did not hold. */
function failed({ checks }: Told): string[] {
  return checks.filter(({ held }) => !held).map(({ name }) => name);
}

const small = ["--workers", "2", "--visibility", "1", "--json"];

it.concurrent("a rush with kills and duplicates sells each seat once, and tells everybody once", async () => {
  const args = ["--requests", "240", "--seats", "24", "--kill", "--kill-every", "1.5"];
  const ended = await run("rush", [...small, ...args]);
  const told = JSON.parse(ended.stdout) as Told;
  expect(failed(told)).toEqual([]);
  expect(told).toMatchObject({
    passed: true,
    ledger: { taken: 240, decided: 240, confirmed: 24, refused: 216, sold: 24 },
    queue: 0,
    deadLetters: 0,
  });
  expect(told.kills).toBeGreaterThan(0);
  expect(ended.exitCode).toBe(0);
});

it.concurrent("the same without inbox and lock sells seats twice, and the rush says so", async () => {
  const args = ["--requests", "240", "--seats", "24", "--duplicates", "0.2", "--unguarded"];
  const ended = await run("rush", [...small, ...args]);
  const told = JSON.parse(ended.stdout) as Told;
  expect(failed(told)).toEqual([
    "every request was decided, once",
    "every seat was sold, once",
    "every customer was told, once",
  ]);
  expect(told.ledger["seatsSoldTwice"]).toBeGreaterThan(0);
  expect(ended.exitCode).toBe(1);
});

it.concurrent("Ctrl-C ends it, with all it has started", async () => {
  const program = start("rush", ["--requests", "1000000", "--workers", "1"]);
  await program.printed(/taken/, "stderr");
  program.kill("SIGINT");
  expect(await program.ended).toMatchObject({ exitCode: 130, stdout: "" });
});

it("leaves nothing behind", nothingLeft);
