/**
 * Owns the copy of the Postgres programs that is made when those in node_modules cannot be used: another
 * user has to read them, or links are missing and cannot be made. It never runs them.
 *
 *     <temporary directory>/millrace-postgres-binaries-<uid>/     ours, writable by nobody else
 *       18.4.0-linux-x64/                                         complete: it got its name last
 *       draft-xxxxxx/                                             being made
 *
 * It is the one thing that stays in the temporary directory, about 60 MB, for the next start.
 */
import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
} from "node:fs/promises";
import { join, relative } from "node:path";
import type { Account } from "./account.ts";
import { DirectoryUnusableError } from "./errors.ts";
import { temporaryRoot } from "./temporary-root.ts";

export interface CopyRequest {
  /** The tree to copy. */
  readonly source: string;
  /** What the copy is called; one name always stands for one content. */
  readonly name: string;
  /** Who is to read it, undefined for ourselves. */
  readonly account: Account | undefined;
  /** Adds what the source lacks, before the copy gets its name. */
  readonly finish: (draft: string) => Promise<void>;
}

/** Drafts older than this are of processes that died; nobody copies for so long. */
const abandonedAfterMs = 3_600_000;

/** The path of a complete copy, made now or earlier. Any number of processes may ask at once. */
export async function cachedCopy(request: CopyRequest): Promise<string> {
  const cache = await ownDirectory(await temporaryRoot(request.account));
  const copy = join(cache, request.name);
  const entries = await listTree(request.source);
  if (await isComplete(copy, entries)) return copy;

  await removeAbandonedDrafts(cache);
  const draft = await mkdtemp(join(cache, "draft-"));
  try {
    await copyTree(request.source, draft, entries);
    await request.finish(draft);
    await moveInto(draft, copy, entries);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

/** The cache's directory. Root will run what is in it, so nobody else may have had a hand in it. */
async function ownDirectory(root: string): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const dir = join(root, `millrace-postgres-binaries-${uid}`);
  await mkdir(dir).catch(unlessExists);
  const stats = await lstat(dir);
  if (!stats.isDirectory() || stats.uid !== uid || (stats.mode & 0o022) !== 0) {
    throw new DirectoryUnusableError(
      dir,
      "it is for copies of programs, and others could write to it; remove it, or set TMPDIR to another directory",
    );
  }
  // mkdir left off what the umask forbids, but the account has to get in.
  await chmod(dir, 0o755);
  return dir;
}

interface Entry {
  /** Below the tree's root. */
  readonly path: string;
  readonly kind: "directory" | "file";
}

/** Directories come before what is in them. */
async function listTree(root: string): Promise<Entry[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() || entry.isFile())
    .map((entry): Entry => ({
      path: relative(root, join(entry.parentPath, entry.name)),
      kind: entry.isDirectory() ? "directory" : "file",
    }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Cleaners of temporary directories take single old files: a copy that has its name may still have holes. */
async function isComplete(copy: string, entries: readonly Entry[]): Promise<boolean> {
  try {
    const present = new Set(await readdir(copy, { recursive: true }));
    return entries.every(({ path }) => present.has(path));
  } catch {
    return false;
  }
}

async function copyTree(source: string, target: string, entries: readonly Entry[]): Promise<void> {
  await chmod(target, 0o755);
  for (const { path, kind } of entries) {
    const to = join(target, path);
    // In order: a directory is made before its files, and 60 MB are quickest from one end to the other.
    if (kind === "directory") await mkdir(to);
    else await copyFile(join(source, path), to, constants.COPYFILE_FICLONE);
    await chmod(to, kind === "directory" || path.startsWith("bin") ? 0o755 : 0o644);
  }
}

/** Gives the draft its name. When another process was faster, its copy is as good. */
async function moveInto(draft: string, copy: string, entries: readonly Entry[]): Promise<void> {
  for (;;) {
    // Again only when a copy was in the way: each round removes one.
    try {
      await rename(draft, copy);
      return;
    } catch (error) {
      if (await isComplete(copy, entries)) return;
      if (!isCode(error, "ENOTEMPTY") && !isCode(error, "EEXIST")) throw error;
    }
    // Renamed first, so that at no time a copy that is half removed bears the name.
    const broken = await mkdtemp(`${draft}-`);
    await rename(copy, broken).catch(unlessGone);
    await rm(broken, { recursive: true, force: true });
  }
}

async function removeAbandonedDrafts(cache: string): Promise<void> {
  const names = await readdir(cache);
  await Promise.all(
    names
      .filter((name) => name.startsWith("draft-"))
      .map(async (name) => {
        const path = join(cache, name);
        const age = await lstat(path).then(
          ({ mtimeMs }) => Date.now() - mtimeMs,
          () => 0,
        );
        if (age > abandonedAfterMs) await rm(path, { recursive: true, force: true });
      }),
  );
}

function unlessExists(error: unknown): void {
  if (!isCode(error, "EEXIST")) throw error;
}

function unlessGone(error: unknown): void {
  if (!isCode(error, "ENOENT")) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
