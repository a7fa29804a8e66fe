/**
 * Owns the decision about a reservation: whose the seat is, what is stored, and who is told. It never begins or
 * commits a transaction, and takes no lock: it reads, and then writes what follows, which is right only for a
 * caller that sees to both.
 */
import type { Pool } from "pg";
import { changeChannel } from "./change.ts";
import type { Change } from "./change.ts";
import type { ReservationMessage } from "./reservation.ts";

/** A transaction's client; or, for those who do without one, the pool itself. */
export type Database = Pick<Pool, "query">;

/**
 * The seat goes to the first who asks, others are refused, and the customer is told.
 *
 * @returns whether there is such a reservation.
 */
export async function decide(
  db: Database,
  { id, event, seat }: ReservationMessage,
): Promise<boolean> {
  const { rows } = await db.query<{ customer: string; holder: string | null }>(
    `SELECT reservations.customer, seats.reservation AS holder
     FROM tickets.reservations JOIN tickets.seats USING (event, seat)
     WHERE reservations.id = $1 AND event = $2 AND seat = $3`,
    [id, event, seat],
  );
  const [found] = rows;
  if (found === undefined) return false;
  const { customer, holder } = found;
  if (holder === null) {
    await db.query("UPDATE tickets.seats SET reservation = $1 WHERE event = $2 AND seat = $3", [
      id,
      event,
      seat,
    ]);
    await record(db, { id, event, seat, customer, state: "confirmed" });
  } else {
    const reason = "the seat was taken by then";
    await record(db, { id, event, seat, customer, state: "refused", reason });
  }
  return true;
}

/** The reservation's new state, what its customer is told, and what those who look at the map hear, in one go. */
async function record(db: Database, change: Change): Promise<void> {
  const { id, event, seat, customer, state, reason } = change;
  const text =
    reason === undefined
      ? `Seat ${seat} is yours (${event}).`
      : `Seat ${seat} could not be reserved: ${reason} (${event}).`;
  await db.query(
    `WITH decided AS (
       UPDATE tickets.reservations
       SET state = $2, reason = $3, decided_at = clock_timestamp(), decisions = decisions + 1
       WHERE id = $1),
     told AS (
       INSERT INTO tickets.notifications (reservation, customer, text) VALUES ($1, $4, $5))
     SELECT pg_notify('${changeChannel}', $6)`,
    [id, state, reason ?? null, customer, text, JSON.stringify(change)],
  );
}
