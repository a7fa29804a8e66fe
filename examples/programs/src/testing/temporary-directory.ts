/** Owns the directory for what the programs of a test file leave behind, and the look whether they did. */
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, vi } from "vitest";

/**
 * Gives the programs of the calling file a directory for temporary things of their own.
 *
 * @returns what resolves when no process and no data of their Postgres is left there.
 */
export function useTemporaryDirectory(): () => Promise<void> {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "programs-test-"));
    // As open as /tmp: under root, Postgres runs as another user.
    await chmod(root, 0o1777);
    vi.stubEnv("TMPDIR", root);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(root, { recursive: true, force: true });
  });
  const left = async (): Promise<string[]> => {
    const files = await readdir(root);
    const processes = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
    return [
      // A copy of the binaries may stay, and is used again.
      ...files.filter(
        (name) => name.startsWith("millrace-postgres-") && !name.includes("binaries"),
      ),
      ...processes.filter((args) => args.includes(root)),
    ];
  };
  return async () => {
    await vi.waitFor(async () => expect(await left()).toEqual([]), {
      timeout: 30_000,
      interval: 50,
    });
  };
}
