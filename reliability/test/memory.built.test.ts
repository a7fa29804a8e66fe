/** A short run of the memory program: the whole of it, in processes of its own. */
import { describe, expect, test } from "vitest";
import type { Check } from "programs";
import { expectOneLine, processesWith, start } from "./programs.ts";

interface Told {
  readonly checks: readonly Check[];
}

/** The checks that did not hold. */
function failed(stdout: string): string[] {
  const { checks } = JSON.parse(stdout) as Told;
  return checks.filter(({ held }) => !held).map(({ name }) => name);
}

describe("memory", { timeout: 180_000 }, () => {
  test("is flat over 24,000 messages, each a lane of its own", async () => {
    const program = start("memory.js", ["--messages", "24000", "--json"], ["--expose-gc"]);
    const { stdout, exitCode } = await program.ended;
    expect(failed(stdout)).toEqual([]);
    expect(exitCode).toBe(0);
    expect(processesWith(`of-memory-${program.child.pid}`)).toEqual([]);
  });

  test("that a handler keeps is found", async () => {
    const args = ["--messages", "6000", "--plant", "keep-messages", "--json"];
    const { stdout, exitCode } = await start("memory.js", args, ["--expose-gc"]).ended;
    expect(failed(stdout)).toEqual(["the heap is flat"]);
    expect(exitCode).toBe(1);
  });
});

test.each([
  [["--messages", "few"], /--messages/, 2],
  [["--plant", "roses"], /keep-messages/, 2],
] as const)("refuses %o", async (args, text, exitCode) => {
  expectOneLine(await start("memory.js", args, ["--expose-gc"]).ended, exitCode, text);
});

test("says that it needs --expose-gc", async () => {
  expectOneLine(await start("memory.js", []).ended, 1, /--expose-gc/);
});
