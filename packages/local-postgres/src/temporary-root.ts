/**
 * Owns the choice of the directory for temporary things. It never makes anything in it.
 */
import { tmpdir } from "node:os";
import { type Account, canWrite } from "./account.ts";
import { DirectoryUnusableError } from "./errors.ts";

/**
 * The system's temporary directory; where that is private to root (TMPDIR below a home, macOS), the one
 * that is everybody's.
 */
export async function temporaryRoot(account: Account | undefined): Promise<string> {
  const own = tmpdir();
  if (account === undefined || (await canWrite(account, own))) return own;
  const shared = "/tmp";
  if (await canWrite(account, shared)) return shared;
  throw new DirectoryUnusableError(
    own,
    `user ${account.uid}, whom root runs Postgres as, cannot write to it; set TMPDIR to a directory that everybody may write to`,
  );
}
