/** A short soak, as CI runs it: the whole program, in processes of its own. */
import { afterAll, describe, expect, test, vi } from "vitest";
import type { Check } from "programs";
import type { SoakFindings } from "../src/chaos/soak-report.ts";
import { expectOneLine, pidOf, processesWith, start, useTemporaryDirectory } from "./programs.ts";

const left = useTemporaryDirectory();

const short = ["--minutes", "0.12", "--kill-every", "2.5", "--postgres-restarts", "1"];

interface Told extends SoakFindings {
  readonly passed: boolean;
  readonly checks: readonly Check[];
}

async function soak(...args: readonly string[]): Promise<{ told: Told; exitCode?: number }> {
  const { stdout, stderr, exitCode } = await start("soak.js", [...short, ...args, "--json"]).ended;
  expect(stderr).not.toMatch("error");
  return { told: JSON.parse(stdout) as Told, ...(exitCode !== undefined && { exitCode }) };
}

/** The checks that did not hold. */
function failed({ checks }: Told): string[] {
  return checks.filter(({ held }) => !held).map(({ name }) => name);
}

// They mostly wait. What they leave behind is looked at when all are over.
describe.concurrent("a soak", { timeout: 180_000 }, () => {
  test("holds: nothing is lost to faults, kills and a restart of Postgres", async () => {
    const { told, exitCode } = await soak("--messages", "600");
    expect(failed(told)).toEqual([]);
    expect(exitCode).toBe(0);
  });

  test("holds on a FIFO queue, and each group's order with it", async () => {
    const { told, exitCode } = await soak("--messages", "600", "--fifo", "--groups", "20");
    expect(failed(told)).toEqual([]);
    expect(exitCode).toBe(0);
  });

  test("finds consumers that acknowledge before their row is written", async () => {
    const planted = ["--plant", "acknowledge-before-write"];
    const { told, exitCode } = await soak("--messages", "600", "--fifo", ...planted);
    expect(failed(told)).toEqual(["none was lost", "order was kept"]);
    expect(exitCode).toBe(1);
  });

  test("fails when a consumer ends that was not asked to", async () => {
    const program = start("soak.js", ["--messages", "600", "--minutes", "1"]);
    await program.said("chaos:");
    process.kill(pidOf(`of-soak-${program.child.pid} consumer-1`), "SIGKILL");
    const ended = await program.ended;
    expect(ended.stderr).toMatch(/^error: a consumer process failed: ended by SIGKILL$/m);
    expect(ended.exitCode).toBe(1);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("clears away at %s", async (signal) => {
    const program = start("soak.js", ["--messages", "600", "--minutes", "1"]);
    await program.said("chaos:");
    program.child.kill(signal);
    const ended = await program.ended;
    expect(ended.stderr).toMatch(`error: interrupted by ${signal}\n`);
    expect(ended.exitCode).toBe(signal === "SIGINT" ? 130 : 143);
    expect(processesWith(`of-soak-${program.child.pid}`)).toEqual([]);
  });
});

test("leaves no process when it is killed", async () => {
  const program = start("soak.js", ["--messages", "600", "--minutes", "1"]);
  await program.said("chaos:");
  program.child.kill("SIGKILL");
  await program.ended;
  const consumers = (): string[] => processesWith(`of-soak-${program.child.pid}`);
  await vi.waitFor(() => expect(consumers()).toEqual([]), { timeout: 20_000 });
});

test.each([
  [["--messages", "none"], /--messages/],
  [["--minutes", "-1"], /--minutes/],
  [["--plant", "roses"], /acknowledge-before-write/],
  [["--quick"], /unknown option/],
])("refuses %o", async (args, text) => {
  expectOneLine(await start("soak.js", args).ended, 2, text);
});

afterAll(async () => {
  // Of the one that was killed the data stay.
  const expected = [expect.stringMatching(/^millrace-soak-/)];
  await vi.waitFor(async () => expect(await left()).toEqual(expected), { timeout: 20_000 });
});
