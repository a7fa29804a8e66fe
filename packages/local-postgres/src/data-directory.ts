/**
 * Owns the directory that holds the data: picks one or takes the caller's, and hands it to the account
 * that Postgres runs as. It never looks into the data.
 *
 *     dir/                of the account
 *       cluster/          made in one step: it is there and complete, or not there
 *         data/           PGDATA
 *         password        the superuser's, 0600
 *       draft-<pid>/      a cluster being made
 */
import { randomBytes } from "node:crypto";
import { chown, mkdir, readFile, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Account, canWrite, serverAccount } from "./account.ts";
import { DirectoryUnusableError } from "./errors.ts";
import { temporaryRoot } from "./temporary-root.ts";

/** Where a server lives, and whose it is. */
export interface DataDirectory {
  readonly dir: string;
  /** As whom Postgres runs on it, undefined for ourselves. */
  readonly account: Account | undefined;
  /** Whether it is made with the server and goes with it. */
  readonly temporary: boolean;
}

/**
 * A name for a directory that the guard makes and removes: while there is no guard there is no directory
 * to be left behind. Nobody can guess the name and be there first.
 */
export async function temporaryDirectory(): Promise<DataDirectory> {
  const account = await serverAccount();
  const name = `millrace-postgres-${randomBytes(12).toString("hex")}`;
  return { dir: join(await temporaryRoot(account), name), account, temporary: true };
}

/**
 * The caller's directory, made if need be. What root owns is given to the account that Postgres is to run
 * as; what another user owns stays theirs, and Postgres runs as them.
 *
 * @throws DirectoryUnusableError
 */
export async function keptDirectory(given: string): Promise<DataDirectory> {
  const dir = resolve(given);
  try {
    await mkdir(dirname(dir), { recursive: true });
    await mkdir(dir, { mode: 0o700 }).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
    await refuseForeign(dir);
    const account = await handOver(dir);
    if (!(await canWrite(account, dir))) {
      throw new DirectoryUnusableError(
        dir,
        account
          ? `user ${account.uid}, whom root runs Postgres as, cannot reach it: a directory above is closed to others`
          : "it is not writable",
      );
    }
    return { dir, account, temporary: false };
  } catch (error) {
    if (error instanceof DirectoryUnusableError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new DirectoryUnusableError(dir, why, { cause: error });
  }
}

/**
 * The superuser's password of the cluster in `dir`.
 *
 * @throws DirectoryUnusableError when it is not to be read.
 */
export async function readPassword(dir: string): Promise<string> {
  try {
    return (await readFile(join(dir, "cluster", "password"), "utf8")).trim();
  } catch (error) {
    throw new DirectoryUnusableError(dir, "its password cannot be read", { cause: error });
  }
}

async function refuseForeign(dir: string): Promise<void> {
  const names = await readdir(dir);
  const foreign = names.find((name) => name !== "cluster" && !name.startsWith("draft-"));
  if (foreign !== undefined && !names.includes("cluster")) {
    throw new DirectoryUnusableError(dir, `it holds other things, such as ${foreign}`);
  }
}

async function handOver(dir: string): Promise<Account | undefined> {
  const account = await serverAccount();
  if (account === undefined) return undefined;
  const owner = await stat(dir);
  if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  await chown(dir, account.uid, account.gid);
  return account;
}
