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
  readonly due: boolean;
}

interface Lane {
  readonly queue: string;
  readonly lane: string;
}

const columns = "id, queue, lane, body, options, attempts";

/** What is to be taken. */
export interface Claim {
  readonly table: TableName;
  /** Messages, at most. */
  readonly count: number;
  /** Queues that are left alone. */
  readonly resting: readonly string[];
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
  const { table, count } = claim;
  const due = await dueLanes(ask, claim);
  if (due.length === 0) return [];
  const lanes = await takeLanes(ask, table, due, count);
  if (lanes.length === 0) return [];
  // A statement of its own, so that it sees what the lanes' last holders have committed.
  const { rows } = await ask(
    `SELECT ${columns}, due_at <= now() AS due FROM
       unnest($1::text[], $2::text[]) AS mine (its_queue, its_lane) CROSS JOIN LATERAL (
         SELECT ${columns}, due_at FROM ${table.sql} WHERE queue = its_queue AND lane = its_lane
         ORDER BY id LIMIT $3) AS message
     ORDER BY id`,
    [
      lanes.map(({ queue }) => queue),
      lanes.map(({ lane }) => lane),
      Math.max(1, Math.floor(count / lanes.length)),
    ],
  );
  const ready: OutboxRow[][] = [];
  for (const messages of byLane(typed<LaneRow>(rows))) {
    const [first] = messages;
    if (first?.due === true) ready.push(messages);
    else if (first !== undefined) await holdBack(ask, table, first);
  }
  return ready;
}

/** Lanes with messages that are due, those that wait longest first. */
async function dueLanes(ask: Ask, { table, count, resting }: Claim): Promise<readonly Lane[]> {
  // As many rows again, so that lanes which others have taken do not hide those that are free.
  const window = count * 10;
  const isDue = "lane IS NOT NULL AND due_at <= now() AND queue <> ALL ($2::text[])";
  const { rows } = await ask(
    `SELECT queue, lane FROM ${table.sql} WHERE ${isDue} ORDER BY due_at, id LIMIT $1`,
    [window, resting],
  );
  const lanes = distinct(typed<Lane>(rows));
  if (rows.length < window || lanes.length >= count) return lanes;
  // A few long lanes fill the window, and hide those behind them. It takes a look at every message that is due.
  const { rows: all } = await ask(
    `SELECT queue, lane FROM ${table.sql} WHERE ${isDue}
     GROUP BY queue, lane ORDER BY min(due_at), min(id) LIMIT $1`,
    [window, resting],
  );
  return typed<Lane>(all);
}

/** Those of the lanes that no other relay has, `count` at most. */
async function takeLanes(
  ask: Ask,
  table: TableName,
  lanes: readonly Lane[],
  count: number,
): Promise<readonly Lane[]> {
  const keys = lanes.map(({ queue, lane }) => lockKey("outbox", table.name, queue, lane));
  // LIMIT stops the locking too: a lock is taken for a row that is answered, and for no other.
  const { rows } = await ask(
    `SELECT n::integer - 1 AS index FROM unnest($1::bigint[]) WITH ORDINALITY AS lane (key, n)
     WHERE pg_try_advisory_xact_lock(key) LIMIT $2`,
    [keys, count],
  );
  return typed<{ index: number }>(rows).flatMap(({ index }) => lanes[index] ?? []);
}

/** Has a lane's messages wait for its first, which is to be sent again later: they would be looked at in vain. */
async function holdBack(ask: Ask, table: TableName, first: LaneRow): Promise<void> {
  const { id, queue, lane } = first;
  await ask(
    `UPDATE ${table.sql} AS later SET due_at = first.due_at FROM ${table.sql} AS first
     WHERE first.id = $1 AND later.queue = $2 AND later.lane = $3 AND later.due_at < first.due_at`,
    [id, queue, lane],
  );
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

/** Each lane once, where it was first. */
function distinct(lanes: readonly Lane[]): readonly Lane[] {
  const byKey = new Map<string, Lane>();
  for (const lane of lanes) {
    const key = laneKey(lane);
    if (!byKey.has(key)) byKey.set(key, lane);
  }
  return [...byKey.values()];
}

const laneKey = ({ queue, lane }: Pick<OutboxRow, "queue" | "lane">): string =>
  JSON.stringify([queue, lane]);

function byLane(rows: readonly LaneRow[]): LaneRow[][] {
  const lanes = new Map<string, LaneRow[]>();
  for (const row of rows) {
    const key = laneKey(row);
    const lane = lanes.get(key);
    if (lane === undefined) lanes.set(key, [row]);
    else lane.push(row);
  }
  return [...lanes.values()];
}

function typed<Row>(rows: unknown[]): Row[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement above it says what a row is
  return rows as Row[];
}
