/**
 * Owns the step from names to the 64-bit numbers that Postgres's advisory locks are known by. It never takes
 * a lock.
 */
import { createHash } from "node:crypto";

/**
 * The number for a list of names, as digits: the first eight bytes of the SHA-256 of the list as JSON, read as
 * a signed big-endian integer. So every process, of whatever version, comes to the same one, and nobody
 * else's advisory locks are likely to be in the way.
 */
export function lockKey(...names: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(["millrace", ...names]));
  return hash.digest().readBigInt64BE(0).toString();
}
