/**
 * Owns the shapes of what an event stream carries to the page. It holds no code. An event `beat`, which says nothing,
 * comes when there is nothing else to say: whoever hears none for long has lost the connection.
 */
import type { SeatMap } from "../office/events.ts";
import type { Reservation } from "../office/reservation.ts";

/** A reservation, as far as its customer's page needs it. */
type OwnReservation = Pick<Reservation, "id" | "seat" | "customer" | "state" | "reason">;

/** The event `snapshot`: all there is to know. It comes first, and again whenever changes may have been missed. */
export interface SnapshotNews extends SeatMap {
  /** Those of the stream's customers. */
  readonly reservations: readonly OwnReservation[];
}

/** The event `changes`: what has happened since. */
export interface ChangesNews {
  /** Seats that are sold now. */
  readonly taken: readonly string[];
  /** Decisions about reservations of the stream's customers. */
  readonly reservations: readonly OwnReservation[];
}
