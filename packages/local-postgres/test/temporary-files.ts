/** Owns a place for temporary files of one test file, where what is left behind can be seen. */
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";

export interface TemporaryFiles {
  readonly root: string;
  /** A new directory that is there for everybody to get through, but not to write to. */
  openDirectory(): Promise<string>;
  /** A new directory that others cannot come into. */
  privateDirectory(): Promise<string>;
  /** What servers have left; the copies of binaries, which may stay, are not counted. */
  leftBehind(): Promise<string[]>;
}

/** From the file's first test to its last, os.tmpdir() is a directory of its own. */
export function useTemporaryFiles(): TemporaryFiles {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "local-postgres-test-"));
    // As open as /tmp: under root, Postgres runs as another user.
    await chmod(root, 0o1777);
    vi.stubEnv("TMPDIR", root);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(root, { recursive: true, force: true });
  });
  return {
    get root() {
      return root;
    },
    openDirectory: async () => {
      const dir = await mkdtemp(join(root, "open-"));
      await chmod(dir, 0o755);
      return dir;
    },
    privateDirectory: () => mkdtemp(join(root, "own-")),
    leftBehind: async () =>
      (await readdir(root)).filter((name) => /^millrace-postgres-[0-9a-f]{24}$/.test(name)),
  };
}
