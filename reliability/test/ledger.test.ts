/** The ledger: what it shows of messages lost, repeated, made up and out of order. */
import { afterAll, expect, test } from "vitest";
import { testDatabases } from "../../test/database.ts";
import { Ledger } from "../src/chaos/ledger.ts";
import type { LedgerFigures } from "../src/chaos/ledger.ts";

const databases = testDatabases();
afterAll(() => databases.close(), 60_000);

/** The figures of six messages in two lanes, even and odd numbers, when these are handled in this order. */
async function figuresOf(...handled: readonly number[]): Promise<Partial<LedgerFigures>> {
  await using database = await databases.open();
  await using ledger = new Ledger(database.url, 1);
  await ledger.create();
  for (const n of handled) await ledger.record({ n, lane: `lane-${n % 2}` }, "consumer-1");
  // Awaited here, before the ledger closes.
  return await ledger.figures(6);
}

test("shows nothing wrong when each was handled in its lane's order", async () => {
  expect(await figuresOf(2, 1, 3, 4, 5, 6)).toEqual({
    rows: 6,
    duplicates: 0,
    missing: 0,
    someMissing: [],
    unknown: 0,
    overtaking: 0,
  });
});

test("shows what was lost", async () => {
  expect(await figuresOf(1, 2, 4, 5)).toMatchObject({ missing: 2, someMissing: [3, 6] });
});

test("counts a repetition as such, and not against the order", async () => {
  const figures = await figuresOf(1, 2, 3, 1, 4, 5, 3, 3, 6);
  expect(figures).toMatchObject({ rows: 9, duplicates: 3, missing: 0, overtaking: 0 });
});

test("shows what was handled before a predecessor was", async () => {
  expect(await figuresOf(5, 2, 3, 1, 4, 6)).toMatchObject({ overtaking: 2 });
});

test("shows what was never sent", async () => {
  expect(await figuresOf(1, 2, 3, 4, 5, 6, 7)).toMatchObject({ unknown: 1, missing: 0 });
});
