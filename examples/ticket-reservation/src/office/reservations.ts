/**
 * Owns the asking for reservations, and the looking up of what became of them. It never decides one.
 */
import { randomUUID } from "node:crypto";
import { outbox } from "millrace/postgres";
import type { Pool } from "pg";
import type { Reservation, ReservationMessage, ReservationRequest } from "./reservation.ts";
import { inTransaction } from "./transaction.ts";

/**
 * Stores what is asked for, and the message to the workers with it: both, or neither. The message's idempotency
 * key is the reservation's id, so that it is one effect however often it is sent.
 *
 * @param queue the workers' queue.
 * @returns its id; undefined when there is no such seat.
 */
export function requestReservation(
  pool: Pool,
  queue: string,
  { event, seat, customer }: ReservationRequest,
): Promise<string | undefined> {
  const id = randomUUID();
  return inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.query(
      `INSERT INTO tickets.reservations (id, event, seat, customer)
       SELECT $1, event, seat, $4 FROM tickets.seats WHERE event = $2 AND seat = $3`,
      [id, event, seat, customer],
    );
    if (rowCount === 0) return undefined;
    const message: ReservationMessage = { id, event, seat };
    await outbox(tx, queue, message, { idempotencyKey: id });
    return id;
  });
}

/**
 * Stores the messages of all that is undecided once more, but for those that wait in the outbox: for a queue that has
 * lost its own. One that comes twice does no harm: a reservation is decided once.
 *
 * @returns how many.
 * @throws the signal's reason, and then none is stored.
 */
export function requestAgain(pool: Pool, queue: string, signal: AbortSignal): Promise<number> {
  return inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<ReservationMessage>(
      `SELECT id, event, seat FROM tickets.reservations WHERE state = 'pending' AND NOT EXISTS
         (SELECT FROM millrace_outbox WHERE options->>'idempotencyKey' = reservations.id::text)
       ORDER BY created_at`,
    );
    for (const { id, event, seat } of rows) {
      signal.throwIfAborted();
      await outbox(tx, queue, { id, event, seat }, { idempotencyKey: id });
    }
    return rows.length;
  });
}

interface Row {
  readonly id: string;
  readonly event: string;
  readonly seat: string;
  readonly customer: string;
  readonly state: Reservation["state"];
  readonly reason: string | null;
  readonly created_at: Date;
  readonly decided_at: Date | null;
}

const columns = "id, event, seat, customer, state, reason, created_at, decided_at";

/** Undefined when there is none. */
export async function findReservation(pool: Pool, id: string): Promise<Reservation | undefined> {
  const { rows } = await pool.query<Row>(
    `SELECT ${columns} FROM tickets.reservations WHERE id = $1`,
    [id],
  );
  return rows.map(toReservation)[0];
}

/** Those of some customers for one event, the oldest first. */
export async function reservationsOf(
  pool: Pool,
  event: string,
  customers: readonly string[],
): Promise<Reservation[]> {
  if (customers.length === 0) return [];
  const { rows } = await pool.query<Row>(
    `SELECT ${columns} FROM tickets.reservations
     WHERE event = $1 AND customer = ANY ($2) ORDER BY created_at`,
    [event, customers],
  );
  return rows.map(toReservation);
}

function toReservation({ created_at, decided_at, reason, ...rest }: Row): Reservation {
  return {
    ...rest,
    ...(reason !== null && { reason }),
    createdAt: created_at.toISOString(),
    ...(decided_at !== null && { decidedAt: decided_at.toISOString() }),
  };
}
