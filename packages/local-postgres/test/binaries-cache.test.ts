import {
  chmod,
  chown,
  mkdir,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { cachedCopy } from "../src/binaries-cache.ts";
import { useTemporaryFiles } from "./temporary-files.ts";

const files = useTemporaryFiles();
let source: string;
let cache: string;

beforeAll(async () => {
  source = await files.privateDirectory();
  await mkdir(join(source, "bin"), { mode: 0o700 });
  await mkdir(join(source, "share", "deep"), { recursive: true });
  await writeFile(join(source, "bin", "postgres"), "#!/bin/sh\n", { mode: 0o600 });
  await writeFile(join(source, "share", "deep", "settings"), "a", { mode: 0o600 });
});
beforeEach(() => {
  cache = join(files.root, `millrace-postgres-binaries-${process.getuid?.()}`);
});
afterEach(async () => {
  await rm(cache, { recursive: true, force: true });
});

/** @param finish what the copy gets beside the source's files. */
function copy(finish: (draft: string) => Promise<void> = async () => {}): Promise<string> {
  return cachedCopy({ source, name: "18.0", account: undefined, finish });
}

it("copies what others need to read and run, whatever the umask and the modes of the source", async () => {
  const umask = process.umask(0o077);
  try {
    const path = await copy((draft) => symlink("settings", join(draft, "share", "deep", "link")));
    const mode = async (name: string): Promise<number> =>
      (await stat(join(path, name))).mode & 0o777;
    expect(path).toBe(join(cache, "18.0"));
    expect(await mode("..")).toBe(0o755);
    expect(await mode(".")).toBe(0o755);
    expect(await mode("bin/postgres")).toBe(0o755);
    expect(await mode("share/deep")).toBe(0o755);
    expect(await mode("share/deep/settings")).toBe(0o644);
    expect(await readFile(join(path, "share", "deep", "link"), "utf8")).toBe("a");
  } finally {
    process.umask(umask);
  }
});

it("makes one copy when several ask at once, and shows nobody an incomplete one", async () => {
  const paths = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const path = await copy();
      // At the moment of the answer, not later.
      return [path, await readFile(join(path, "share", "deep", "settings"), "utf8")];
    }),
  );
  expect(new Set(paths.map(String))).toEqual(new Set([`${join(cache, "18.0")},a`]));
  expect(await readdir(cache)).toEqual(["18.0"]);
});

it("is not made again when it is there", async () => {
  const path = await copy();
  expect(await copy(() => Promise.reject(new Error("made again")))).toBe(path);
});

it("is made anew when a cleaner has taken files from it", async () => {
  const path = await copy();
  await rm(join(path, "share", "deep", "settings"));
  expect(await copy()).toBe(path);
  expect(await readFile(join(path, "share", "deep", "settings"), "utf8")).toBe("a");
  expect(await readdir(cache)).toEqual(["18.0"]);
});

it("leaves no draft when it fails", async () => {
  await expect(copy(() => Promise.reject(new Error("disk full")))).rejects.toThrow("disk full");
  expect(await readdir(cache)).toEqual([]);
});

it("removes drafts of processes that died long ago, and no others", async () => {
  await mkdir(join(cache, "draft-old"), { recursive: true });
  await mkdir(join(cache, "draft-young"));
  await utimes(join(cache, "draft-old"), 0, 0);
  await copy();
  expect((await readdir(cache)).toSorted()).toEqual(["18.0", "draft-young"]);
});

it.each([
  ["that all may write to", () => mkdir(cache).then(() => chmod(cache, 0o777))],
  ["that is a link to elsewhere", () => symlink(source, cache)],
  ["that is a file", () => writeFile(cache, "")],
])("does not trust a directory %s", async (_, prepare) => {
  await prepare();
  await expect(copy()).rejects.toMatchObject({ code: "DIRECTORY_UNUSABLE", dir: cache });
});

it.runIf(process.getuid?.() === 0)("does not trust a directory of another user", async () => {
  await mkdir(cache);
  await chown(cache, 65_534, 65_534);
  await expect(copy()).rejects.toMatchObject({ code: "DIRECTORY_UNUSABLE", dir: cache });
});
