import { expect, it } from "vitest";
import { ancestors } from "../src/ancestors.ts";

it("finds the parent first, and each process once", () => {
  const pids = ancestors().map(({ pid }) => pid);
  expect(pids[0]).toBe(process.ppid);
  expect(new Set(pids).size).toBe(pids.length);
});

it.runIf(process.platform === "linux")("finds those above it, with their command lines", () => {
  const [parent, ...others] = ancestors();
  expect(parent?.args).toMatch(/\S/);
  expect(others.length).toBeGreaterThan(0);
});
