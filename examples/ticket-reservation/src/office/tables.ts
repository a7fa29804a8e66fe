/**
 * Owns the tables of the ticket office, and the constraints that are its last line of defence. It never reads or
 * writes a row.
 */
import { migrate } from "millrace/postgres";
import type { Pool } from "pg";

/** Any number of processes may come at once; they take turns. All is created in one transaction, or nothing. */
const createIfMissing = `
  SELECT pg_advisory_xact_lock(hashtext('tickets: create tables'));
  DO $$ BEGIN
  IF to_regclass('tickets.reservations') IS NOT NULL THEN RETURN; END IF;
  -- Whoever has no right to create schemas may have been given this one.
  IF to_regnamespace('tickets') IS NULL THEN CREATE SCHEMA tickets; END IF;

  CREATE TABLE tickets.events (
    id            text    PRIMARY KEY,
    name          text    NOT NULL,
    seats         integer NOT NULL,
    seats_per_row integer NOT NULL
  );

  -- The map: whom each seat was sold to, by the reservation.
  CREATE TABLE tickets.seats (
    event       text NOT NULL REFERENCES tickets.events,
    seat        text NOT NULL,
    reservation uuid,
    PRIMARY KEY (event, seat)
  );

  -- What was asked for, and what became of it.
  CREATE TABLE tickets.reservations (
    id         uuid        PRIMARY KEY,
    event      text        NOT NULL,
    seat       text        NOT NULL,
    customer   text        NOT NULL,
    state      text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'confirmed', 'refused')),
    reason     text,
    -- How often it was decided: once at most, ever.
    decisions  integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at timestamptz
  );
  CREATE INDEX reservations_of_customer ON tickets.reservations (event, customer);

  -- What customers were told; a mailer would take it from here.
  CREATE TABLE tickets.notifications (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reservation uuid        NOT NULL,
    customer    text        NOT NULL,
    text        text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
  );

  CREATE UNIQUE INDEX sold_once ON tickets.reservations (event, seat) WHERE state = 'confirmed';
  CREATE UNIQUE INDEX told_once ON tickets.notifications (reservation);
  END $$`;

/** Creates them unless they are there, and the library's inbox and outbox. */
export async function createTables(pool: Pool): Promise<void> {
  await migrate(pool);
  await pool.query(createIfMissing);
}

/**
 * Takes the constraints away, so that nothing but inbox and lock stands between the workers and a seat that is
 * sold twice. For the rush, which is to show that they suffice.
 */
export async function dropConstraints(pool: Pool): Promise<void> {
  await pool.query("DROP INDEX tickets.sold_once, tickets.told_once");
}
