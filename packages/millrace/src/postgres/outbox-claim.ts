/**
 * Owns the relay's statements: which rows of the outbox are taken, and what becomes of them. It never sends a
 * message, and never begins or ends a transaction.
 */
import { lockKey } from "./lock-key.ts";
import type { OutboxRow } from "./outbox-row.ts";
import type { TableName } from "./table-name.ts";

/** Runs a statement in the relay's transaction. */
export type Ask = (sql: string, values: unknown[]) => Promise<{ readonly rows: unknown[] }>;

/** When a row is due again. */
export interface Deferral {
  readonly id: string;
  readonly delayMs: number;
}

interface LaneRow extends OutboxRow {
  readonly lane: string;
  /** Whether it may be sent now. */
  readonly due: boolean;
}

const columns = "id, queue, lane, body, options, attempts";

/** How far a relay has come among the lanes; each time it looks through them it goes on from there. */
export interface LaneCursor {
  /** Written by claimLanes. */
  after: string;
}

/** What is to be taken. */
export interface Claim {
  readonly table: TableName;
  /** Messages, at most. */
  readonly count: number;
  /** Queues that are left alone. */
  readonly resting: readonly string[];
  readonly cursor: LaneCursor;
}

/**
 * Takes messages of standard queues that are due, until the transaction ends. What another relay has taken is
 * left to it.
 */
export async function claimSingles(ask: Ask, claim: Claim): Promise<readonly OutboxRow[]> {
  const { table, count, resting } = claim;
  const { rows } = await ask(
    `SELECT ${columns} FROM ${table.sql}
     WHERE lane IS NULL AND due_at <= now() AND queue <> ALL ($2::text[])
     ORDER BY due_at, id LIMIT $1 FOR UPDATE SKIP LOCKED`,
    [count, resting],
  );
  return typed<OutboxRow>(rows);
}

/**
 * Takes lanes whose next message is due, until the transaction ends, and answers the first messages of each, up
 * to `count` in all. A lane is taken as a whole, by an advisory lock: were its messages taken one by one,
 * another relay could send a later one first.
 */
export async function claimLanes(
  ask: Ask,
  claim: Claim,
): Promise<readonly (readonly OutboxRow[])[]> {
  const { table, count, resting } = claim;
  const due = await dueLanes(ask, claim);
  if (due.length === 0) return [];
  const lanes = await takeLanes(ask, table, due, count);
  if (lanes.length === 0) return [];
  // A statement of its own, so that it sees what the lanes' last holders have committed.
  const { rows } = await ask(
    `SELECT ${columns}, ${isDue(3)} AS due FROM
       unnest($1::text[]) AS mine (its_lane) CROSS JOIN LATERAL (
         SELECT ${columns}, due_at FROM ${table.sql} WHERE ${inLane("its_lane")}
         ORDER BY lane, id LIMIT $2) AS message
     ORDER BY id`,
    [lanes, Math.max(1, Math.floor(count / lanes.length)), resting],
  );
  return byLane(typed<LaneRow>(rows)).filter(([first]) => first?.due === true);
}

/**
 * Lanes whose first message is due, those that wait longest first. The messages behind it are due as well, but for one
 * whose own send failed: they say that there is something, and the first one says whether it is time.
 */
async function dueLanes(ask: Ask, claim: Claim): Promise<readonly string[]> {
  const { table, count, resting } = claim;
  // As many rows again, so that lanes which others have taken do not hide those that are free.
  const window = count * 10;
  const { rows } = await ask(
    `WITH seen AS (
       SELECT lane, due_at, id FROM ${table.sql} WHERE lane IS NOT NULL AND ${isDue(2)}
       ORDER BY due_at, id LIMIT $1)
     SELECT its_lane AS lane, count, due FROM (
         SELECT lane AS its_lane, count(*)::integer, min(due_at) AS since, min(id) AS first
         FROM seen GROUP BY lane
       ) AS mine CROSS JOIN LATERAL (
         SELECT ${isDue(2)} AS due FROM ${table.sql} WHERE ${inLane("its_lane")}
         ORDER BY lane, id LIMIT 1) AS message
     ORDER BY since, first`,
    [window, resting],
  );
  const seen = typed<{ lane: string; count: number; due: boolean }>(rows);
  const ready = seen.flatMap(({ lane, due }) => (due ? [lane] : []));
  const isAll = seen.reduce((sum, lane) => sum + lane.count, 0) < window;
  if (isAll || ready.length >= count) return ready;
  // A few long lanes fill the window, and hide those behind them.
  return [...new Set([...ready, ...(await walkLanes(ask, claim))])];
}

/**
 * Lanes whose first message is due, up to `count`, from where the cursor is. It goes from the first message of one to
 * that of the next, and so does not depend on how long they are.
 */
async function walkLanes(
  ask: Ask,
  { table, count, resting, cursor }: Claim,
): Promise<readonly string[]> {
  const first = `SELECT lane, queue, due_at FROM ${table.sql}`;
  const walk = (name: string, bounds: string): string => `${name} AS (
     (${first} WHERE lane IS NOT NULL AND ${bounds} ORDER BY lane, id LIMIT 1)
     UNION ALL
     SELECT message.* FROM ${name} AS last CROSS JOIN LATERAL (
       ${first} WHERE lane > last.lane AND ${bounds} ORDER BY lane, id LIMIT 1) AS message)`;
  // In one order and without sorting, so that LIMIT ends the walk.
  const { rows } = await ask(
    `WITH RECURSIVE ${walk("ahead", "lane > $3")}, ${walk("behind", "lane <= $3")}
     SELECT lane FROM (SELECT * FROM ahead UNION ALL SELECT * FROM behind) AS head
     WHERE ${isDue(2)} LIMIT $1`,
    [count, resting, cursor.after],
  );
  const lanes = typed<{ lane: string }>(rows).map(({ lane }) => lane);
  cursor.after = lanes.at(-1) ?? "";
  return lanes;
}

/** Of a message. @param resting the number of the parameter that holds the queues to be left alone. */
const isDue = (resting: number): string => `due_at <= now() AND queue <> ALL ($${resting}::text[])`;

/**
 * Of a message. By bounds and not by an equality: of the first message in a lane the planner would otherwise expect that
 * it is soon met in the order of ids alone, and might look for it through all that is in the outbox.
 */
const inLane = (lane: string): string => `lane >= ${lane} AND lane <= ${lane}`;

/** Those of the lanes that no other relay has, `count` at most. */
async function takeLanes(
  ask: Ask,
  table: TableName,
  lanes: readonly string[],
  count: number,
): Promise<readonly string[]> {
  const keys = lanes.map((lane) => lockKey("outbox", table.name, lane));
  // LIMIT stops the locking too: a lock is taken for a row that is answered, and for no other.
  const { rows } = await ask(
    `SELECT n::integer - 1 AS index FROM unnest($1::bigint[]) WITH ORDINALITY AS lane (key, n)
     WHERE pg_try_advisory_xact_lock(key) LIMIT $2`,
    [keys, count],
  );
  return typed<{ index: number }>(rows).flatMap(({ index }) => lanes[index] ?? []);
}

/** Deletes what SQS has. */
export async function remove(ask: Ask, table: TableName, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await ask(`DELETE FROM ${table.sql} WHERE id = ANY ($1::bigint[])`, [ids]);
}

/** Has what failed come again later. */
export async function defer(
  ask: Ask,
  table: TableName,
  deferrals: readonly Deferral[],
): Promise<void> {
  if (deferrals.length === 0) return;
  await ask(
    `UPDATE ${table.sql} AS message SET attempts = attempts + 1,
       due_at = clock_timestamp() + failed.ms * interval '1 millisecond'
     FROM unnest($1::bigint[], $2::float8[]) AS failed (id, ms) WHERE message.id = failed.id`,
    [deferrals.map(({ id }) => id), deferrals.map(({ delayMs }) => delayMs)],
  );
}

function byLane(rows: readonly LaneRow[]): LaneRow[][] {
  const lanes = new Map<string, LaneRow[]>();
  for (const row of rows) {
    const lane = lanes.get(row.lane);
    if (lane === undefined) lanes.set(row.lane, [row]);
    else lane.push(row);
  }
  return [...lanes.values()];
}

function typed<Row>(rows: unknown[]): Row[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement above it says what a row is
  return rows as Row[];
}
