/**
 * Owns the questions to the database of a rush: how far it is, and what came of it. It never writes.
 */
import type { Pool } from "pg";
import type { Percentiles } from "./percentile.ts";

export interface RushProgress {
  /** Reservations that were taken. */
  readonly taken: number;
  readonly decided: number;
  readonly sold: number;
  /** Messages that the relay has not sent yet. */
  readonly outbox: number;
}

/** What the tables say in the end. Everything is a count. */
export interface RushLedger extends RushProgress {
  readonly pending: number;
  readonly confirmed: number;
  readonly refused: number;
  /** Seats with more than one confirmed reservation. */
  readonly seatsSoldTwice: number;
  /** Confirmed reservations whose seat the map shows as somebody else's, or the other way round. */
  readonly atOdds: number;
  /** Reservations that were decided more than once. */
  readonly decidedTwice: number;
  /** Reservations whose customer was told more than once. */
  readonly toldTwice: number;
  /** Decided, and nobody was told. */
  readonly untold: number;
  /** From the request to the decision, in ms. */
  readonly decisionMs: Percentiles;
}

export async function rushProgress(pool: Pool, event: string): Promise<RushProgress> {
  const { rows } = await pool.query<RushProgress>(
    `SELECT count(*)::int AS taken, count(decided_at)::int AS decided,
       (SELECT count(reservation) FROM tickets.seats WHERE event = $1)::int AS sold,
       (SELECT count(*) FROM millrace_outbox)::int AS outbox
     FROM tickets.reservations WHERE event = $1`,
    [event],
  );
  return only(rows);
}

export async function rushLedger(pool: Pool, event: string): Promise<RushLedger> {
  const progress = await rushProgress(pool, event);
  const { rows } = await pool.query<Omit<RushLedger, keyof RushProgress>>(
    `WITH told AS (SELECT reservation, count(*) AS times FROM tickets.notifications GROUP BY 1),
     sales AS (
       SELECT seat, count(*) AS times FROM tickets.reservations
       WHERE event = $1 AND state = 'confirmed' GROUP BY 1),
     waits AS (
       SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
         ORDER BY extract(epoch FROM decided_at - created_at) * 1000) AS ms
       FROM tickets.reservations WHERE event = $1 AND decided_at IS NOT NULL)
     SELECT
       count(*) FILTER (WHERE state = 'pending')::int AS pending,
       count(*) FILTER (WHERE state = 'confirmed')::int AS confirmed,
       count(*) FILTER (WHERE state = 'refused')::int AS refused,
       count(*) FILTER (WHERE decisions > 1)::int AS "decidedTwice",
       count(*) FILTER (WHERE times > 1)::int AS "toldTwice",
       count(*) FILTER (WHERE state <> 'pending' AND times IS NULL)::int AS untold,
       (SELECT count(*) FROM sales WHERE times > 1)::int AS "seatsSoldTwice",
       count(*) FILTER (WHERE (state = 'confirmed') <> coalesce(seats.reservation = id, false))::int
         AS "atOdds",
       (SELECT json_build_object('p50', coalesce(ms[1], 0), 'p99', coalesce(ms[2], 0)) FROM waits)
         AS "decisionMs"
     FROM tickets.reservations LEFT JOIN told ON told.reservation = id
       JOIN tickets.seats USING (event, seat)
     WHERE event = $1`,
    [event],
  );
  return { ...progress, ...only(rows) };
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error("the database did not answer a row");
  return row;
}
