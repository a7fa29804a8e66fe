/**
 * Owns what a reservation is: what is asked for, the message that says so, and the states it goes through. It
 * never touches the database.
 */
import { z } from "zod";

/**
 * | state | entered when | left when |
 * |---|---|---|
 * | pending | it was asked for: its row and its message are committed | a worker decides, once |
 * | confirmed | the seat was free | never |
 * | refused | the seat was not | never |
 */
type ReservationState = "pending" | "confirmed" | "refused";

export interface Reservation {
  readonly id: string;
  readonly event: string;
  readonly seat: string;
  readonly customer: string;
  readonly state: ReservationState;
  /** Why it was refused. */
  readonly reason?: string | undefined;
  readonly createdAt: string;
  readonly decidedAt?: string | undefined;
}

/** What somebody asks for. */
export interface ReservationRequest {
  readonly event: string;
  readonly seat: string;
  readonly customer: string;
}

/** The message to the workers. */
export interface ReservationMessage {
  /** The reservation's id. */
  readonly id: string;
  readonly event: string;
  readonly seat: string;
}

/** What workers take for a message of theirs. */
export const reservationMessage: z.ZodType<ReservationMessage> = z.object({
  id: z.uuid(),
  event: z.string(),
  seat: z.string(),
});
