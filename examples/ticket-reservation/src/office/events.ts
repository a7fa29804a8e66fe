/**
 * Owns the events that seats are sold for: their creation, and their maps. It never sells a seat.
 */
import type { Pool } from "pg";
import { seatNames } from "./hall.ts";
import type { Hall } from "./hall.ts";

export interface OfficeEvent extends Hall {
  readonly id: string;
  readonly name: string;
}

/** An event, and which of its seats are sold. */
export interface SeatMap extends OfficeEvent {
  /** By name, in no order. */
  readonly taken: readonly string[];
}

/** What there is to see in the example: three evenings in a hall of 500 seats. */
export const evenings: readonly OfficeEvent[] = ["Friday", "Saturday", "Sunday"].map((day) => ({
  id: day.toLowerCase(),
  name: `${day} evening`,
  seats: 500,
  seatsPerRow: 25,
}));

/** Puts an event and its seats on sale; one that is there already is left as it is. */
export async function createEvent(pool: Pool, event: OfficeEvent): Promise<void> {
  await pool.query(
    `WITH event AS (
       INSERT INTO tickets.events (id, name, seats, seats_per_row) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING id)
     INSERT INTO tickets.seats (event, seat) SELECT id, unnest($5::text[]) FROM event`,
    [event.id, event.name, event.seats, event.seatsPerRow, seatNames(event)],
  );
}

const columns = `id, name, seats, seats_per_row AS "seatsPerRow"`;

/** All of them, in the order of their ids. */
export async function listEvents(pool: Pool): Promise<OfficeEvent[]> {
  const { rows } = await pool.query<OfficeEvent>(
    `SELECT ${columns} FROM tickets.events ORDER BY id`,
  );
  return rows;
}

/** Undefined when there is no such event. */
export async function seatMap(pool: Pool, event: string): Promise<SeatMap | undefined> {
  const { rows } = await pool.query<SeatMap>(
    `SELECT ${columns}, ARRAY (
       SELECT seat FROM tickets.seats WHERE event = events.id AND reservation IS NOT NULL) AS taken
     FROM tickets.events WHERE id = $1`,
    [event],
  );
  return rows[0];
}
