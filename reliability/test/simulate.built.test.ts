/**
 * `npm run simulate` as a program: what it prints, and its exit codes.
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const program = fileURLToPath(new URL("../dist/simulate.js", import.meta.url));

interface Result {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function simulate(...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    // With CI, for which some libraries colour what goes to a pipe.
    const env = { ...process.env, CI: "true" };
    execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

it("runs seeds in several threads, and ends with 0 when every promise was kept", async () => {
  const { code, stdout, stderr } = await simulate("--seeds", "60", "--jobs", "2");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^60 seeds in .* every promise was kept\n$/);
});

it("replays one seed with its trace", async () => {
  const { code, stdout } = await simulate("--seed", "3", "--trace");
  expect(code).toBe(0);
  expect(stdout).toMatch(/→ asks +#1 GetQueueAttributes/);
  expect(stdout).toMatch(/seed 3: every promise was kept\n$/);
  expect(stdout).not.toContain("\u001B");
});

it.each([["--seeds", "none"], ["--queues", "priority"], ["--nonsense"]])(
  "refuses %s %s with one line and exit code 2",
  async (...args) => {
    const { code, stdout, stderr } = await simulate(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: .*\n$/);
  },
);
