/**
 * Owns the question which user Postgres runs as: Postgres refuses root. It never touches the files that
 * the user is to read or write.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { StartFailedError } from "./errors.ts";

const run = promisify(execFile);

/** A user of the machine, in the shape that `spawn` takes. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Whom root hands Postgres to, the first that exists. */
const unprivileged: readonly string[] = ["postgres", "nobody"];

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The account that root gives Postgres to; undefined for everybody else, who run it as themselves. */
export async function serverAccount(): Promise<Account | undefined> {
  if (!isRoot()) return undefined;
  for (const name of unprivileged) {
    // One after the other: the second is asked only when there is no first.
    const account = await lookUp(name);
    if (account) return account;
  }
  throw new StartFailedError(
    `it refuses to run as root, and there is no user ${unprivileged.join(" or ")} to run it as`,
    "",
  );
}

async function lookUp(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/** Whether `account` can make files in `dir`, every directory above it included. */
export async function canWrite(account: Account | undefined, dir: string): Promise<boolean> {
  try {
    await run("/bin/sh", ["-c", 'test -w "$1" && test -x "$1"', "sh", dir], {
      ...account,
      cwd: "/",
    });
    return true;
  } catch {
    return false;
  }
}
