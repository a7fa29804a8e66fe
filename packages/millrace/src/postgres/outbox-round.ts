/**
 * Owns one round of the relay: a transaction in which messages are taken from the outbox, sent, and removed.
 * It never decides when a round begins.
 */
import type { Pool } from "pg";
import type { Clock } from "../clock.ts";
import type { SendResult } from "../producer/attempt.ts";
import { toError } from "../errors.ts";
import { fullJitterMs } from "../random.ts";
import type { Random } from "../random.ts";
import { begin } from "./begin.ts";
import { claimLanes, claimSingles, defer, remove } from "./outbox-claim.ts";
import type { Ask, Deferral, LaneCursor } from "./outbox-claim.ts";
import { isMessagesOwn } from "./outbox-rests.ts";
import type { QueueReport } from "./outbox-rests.ts";
import type { OutboxRow } from "./outbox-row.ts";
import type { TableName } from "./table-name.ts";

export interface RoundParts {
  /** Whose connection it is. */
  readonly pool: Pool;
  readonly table: TableName;
  /** Messages a round, at most. */
  readonly batchSize: number;
  /** Queues that are left alone. */
  readonly resting: readonly string[];
  /** The relay's, for all of its rounds. */
  readonly cursor: LaneCursor;
  /** How long a send may take, in whole ms. */
  readonly sendTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when SQS has it. */
  readonly send: (row: OutboxRow) => Promise<SendResult>;
  /** Whether another send may begin: not once the relay is to stop. */
  readonly mayBegin: () => boolean;
  /** Sends fail for its sake once it has aborted, and not for their own. */
  readonly deadline: AbortSignal;
  /** Called once the removal of a message that was sent is committed. */
  readonly onSent: (row: OutboxRow, result: SendResult) => void;
  /** Called once it is committed when a message is sent again. */
  readonly onFailed: (row: OutboxRow, error: Error, retryInMs: number) => void;
}

/** What a round came to. */
export interface RoundReport {
  readonly sent: number;
  readonly failed: number;
  readonly queues: ReadonlyMap<string, QueueReport>;
}

interface Sent {
  readonly row: OutboxRow;
  readonly result: SendResult;
}

interface Failed extends Deferral {
  readonly row: OutboxRow;
  readonly error: Error;
  /** How long the send took to fail. */
  readonly tookMs: number;
}

/** Between the sends of a message that fails. */
const backoff = { baseMs: 1_000, maxMs: 60_000 };
/**
 * How long the messages of a lane are sent one after the other in one round. The others of the round wait for
 * the end of it: a lane whose sends are slow is to cost them little.
 */
const laneTurnMs = 1_000;
/** Beyond the time that sends may take: for a process that has much else to do. */
const idleGraceMs = 30_000;

/**
 * Takes messages, sends them, and removes those that SQS has:
 *
 *     BEGIN ─▶ take rows and lanes ─▶ send ─▶ delete what was sent, defer what failed ─▶ COMMIT
 *
 * Other relays take other rows and lanes meanwhile. Where it ends before the commit, Postgres gives back what
 * was taken; what SQS has by then is sent again, with the same idempotency key and deduplication id.
 *
 * @throws what `ask` throws.
 */
export async function relayRound(ask: Ask, parts: RoundParts): Promise<RoundReport> {
  const { pool, table, batchSize, resting, cursor, sendTimeoutMs, onSent, onFailed } = parts;
  // Sends take their time, and are bounded; a database that ends idle transactions must not end this one sooner.
  const idleMs = laneTurnMs + sendTimeoutMs + idleGraceMs;
  const bound = `SET LOCAL idle_in_transaction_session_timeout = ${idleMs}`;
  // Nor for the time that it takes in all: what SQS has by then would be sent again, for ever.
  const unbounded = `SELECT set_config('transaction_timeout', '0', true)
    WHERE current_setting('server_version_num')::int >= 170000`;
  await begin(
    pool,
    (sql) => ask(sql, []),
    (start) => [start("read committed"), bound, unbounded],
  );
  const claim = { table, count: batchSize, resting, cursor };
  const singles = await claimSingles(ask, claim);
  const lanes = await claimLanes(ask, claim);
  const sent: Sent[] = [];
  const failed: Failed[] = [];
  // A message of a standard queue is a lane of its own.
  await Promise.all(
    [...singles.map((row) => [row]), ...lanes].map((lane) => sendLane(lane, parts, sent, failed)),
  );
  await remove(
    ask,
    table,
    sent.map(({ row }) => row.id),
  );
  await defer(ask, table, failed);
  await ask("COMMIT", []);
  for (const { row, result } of sent) onSent(row, result);
  for (const { row, error, delayMs } of failed) onFailed(row, error, delayMs);
  return { sent: sent.length, failed: failed.length, queues: byQueue(sent, failed) };
}

/** One after the other, up to the first that fails: nothing overtakes it. */
async function sendLane(
  lane: readonly OutboxRow[],
  { send, clock, random, mayBegin, deadline }: RoundParts,
  sent: Sent[],
  failed: Failed[],
): Promise<void> {
  const turnEndsMs = clock.monotonicMs() + laneTurnMs;
  for (const row of lane) {
    const beganMs = clock.monotonicMs();
    if (!mayBegin() || beganMs >= turnEndsMs) return;
    try {
      sent.push({ row, result: await send(row) });
    } catch (thrown) {
      if (deadline.aborted) return;
      const delayMs = fullJitterMs(backoff, row.attempts, random);
      const tookMs = clock.monotonicMs() - beganMs;
      failed.push({ row, id: row.id, error: toError(thrown), delayMs, tookMs });
      return;
    }
  }
}

function byQueue(sent: readonly Sent[], failed: readonly Failed[]): Map<string, QueueReport> {
  const queues = new Map<string, QueueReport>();
  const of = (queue: string): QueueReport => {
    const report = queues.get(queue) ?? { sent: 0, fault: undefined, faultMs: 0 };
    queues.set(queue, report);
    return report;
  };
  for (const { row } of sent) of(row.queue).sent += 1;
  for (const { row, error, tookMs } of failed) {
    const report = of(row.queue);
    if (isMessagesOwn(error)) continue;
    report.fault ??= error;
    report.faultMs = Math.max(report.faultMs, tookMs);
  }
  return queues;
}
