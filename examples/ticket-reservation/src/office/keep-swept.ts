/**
 * Owns the sweeping of the inbox: keys that are older than any message can be are deleted once an hour. It never
 * hurries: what is left this time goes the next.
 */
import { sleep, systemClock } from "millrace";
import { sweep } from "millrace/postgres";
import type { Pool } from "pg";

const everyMs = 3_600_000;

/** Resolves when the signal aborts; never rejects. */
export async function keepSwept(pool: Pool, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await sleep(systemClock, everyMs, signal);
      await sweep(pool, { signal });
    } catch {
      // The signal, or a database that is away for now: in an hour again.
    }
  }
}
