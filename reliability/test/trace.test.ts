/**
 * The trace: a run as people read it.
 */
import { expect, it } from "vitest";
import { runSeed } from "../src/simulation/run.ts";
import { outline, trace } from "../src/simulation/trace.ts";

it("shows each entry on a line, and a violation below the entry at which it was seen", async () => {
  const { scenario, entries } = await runSeed(3);
  const violation = { promise: "calm", atMs: 0, text: "too many", entry: 1 } as const;
  const lines = trace(entries, [violation]);
  expect(lines).toHaveLength(entries.length + 1);
  expect(lines[2]).toMatchObject({ what: "BROKEN", detail: "calm: too many", tone: "bad" });
  expect(outline(scenario).join("\n")).toMatch(/^queue +kind=/);
});
