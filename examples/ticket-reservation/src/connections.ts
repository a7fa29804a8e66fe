/**
 * Owns how many connections to Postgres a worker takes, and whether a local one has room for all of them. It never
 * opens one.
 */
import { UsageError } from "programs";

/** Of a local Postgres's 100; the web server and whoever looks on want the rest. */
const maxWorkerConnections = 75;

/** One for each decision under way, and two for the looks whether the database is there, and at old keys. */
export function workerConnections(concurrency: number): number {
  return concurrency + 2;
}

/** @throws UsageError when so many workers would not find room. */
export function requireRoom(plan: {
  readonly workers: number;
  readonly concurrency: number;
}): void {
  const { workers, concurrency } = plan;
  if (workers * workerConnections(concurrency) <= maxWorkerConnections) return;
  throw new UsageError(
    `${workers} workers of ${concurrency} need more connections than Postgres has room for: fewer of the one or the other`,
  );
}
