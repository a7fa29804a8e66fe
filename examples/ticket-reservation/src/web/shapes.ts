/**
 * Owns the shapes of what the web server takes and gives, as JSON schemas: requests are validated by them,
 * answers written by them, and the OpenAPI document is made of them. It never validates anything itself.
 */
import { z } from "zod";
import type { OfficeEvent, SeatMap } from "../office/events.ts";
import type { Reservation, ReservationRequest } from "../office/reservation.ts";
import type { ChangesNews, SnapshotNews } from "./stream-news.ts";

/** JSON Schema, draft 7, as Fastify takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const maxName = 100;
const eventId = z
  .string()
  .regex(/^[a-z0-9-]{1,50}$/)
  .describe("the id of an event");
const seat = z
  .string()
  .regex(/^[A-Z]{1,3}[1-9][0-9]{0,4}$/)
  .describe("row and number, such as C12");
const customer = z
  .string()
  .regex(/^[\w.@+-]+$/)
  .max(maxName)
  .describe("who buys; in earnest this would come from a login");

const requested: z.ZodType<ReservationRequest> = z.strictObject({ event: eventId, seat, customer });

const anyReservation = z.object({
  id: z.uuid(),
  event: z.string(),
  seat: z.string(),
  customer: z.string(),
  state: z.enum(["pending", "confirmed", "refused"]),
  reason: z.string().optional().describe("why it was refused"),
  createdAt: z.iso.datetime(),
  decidedAt: z.iso.datetime().optional(),
});
const reservation: z.ZodType<Reservation> = anyReservation;

/** The answer to a request that was taken. */
export interface Accepted {
  readonly id: string;
  readonly state: "pending";
}

const accepted: z.ZodType<Accepted> = z.object({ id: z.uuid(), state: z.literal("pending") });

const officeEvent = z.object({
  id: z.string(),
  name: z.string(),
  seats: z.int(),
  seatsPerRow: z.int(),
});
const events: z.ZodType<readonly OfficeEvent[]> = z.array(officeEvent);
const map: z.ZodType<SeatMap> = officeEvent.extend({
  taken: z.array(z.string()).describe("seats that are sold, by name"),
});

const ownReservations = z
  .array(anyReservation.pick({ id: true, seat: true, customer: true, state: true, reason: true }))
  .describe("those of the stream's customers");
const snapshotNews: z.ZodType<SnapshotNews> = officeEvent.extend({
  taken: z.array(z.string()).describe("seats that are sold, by name"),
  reservations: ownReservations,
});
const changesNews: z.ZodType<ChangesNews> = z.object({
  taken: z.array(z.string()).describe("seats that are sold now"),
  reservations: ownReservations,
});
const streamEvent = z.discriminatedUnion("event", [
  z
    .object({ event: z.literal("snapshot"), data: snapshotNews })
    .describe("all there is to know: the first, and again whenever changes may have been missed"),
  z
    .object({ event: z.literal("changes"), data: changesNews })
    .describe("what has happened since the event before"),
  z
    .object({ event: z.literal("beat"), data: z.strictObject({}) })
    .describe("says nothing, when there has been nothing else to say for a while"),
]);

/** Whether the server can do what it is for. */
export interface Health {
  /** Degraded: requests are served, and changes are not heard of. */
  readonly status: "healthy" | "degraded";
}

const health: z.ZodType<Health> = z.object({ status: z.enum(["healthy", "degraded"]) });

/** An error, as RFC 9457 has it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string | undefined;
  /** What was wrong with the input, one for each place. */
  readonly errors?: readonly InputError[] | undefined;
}

export interface InputError {
  /** A JSON pointer into the body, or the name of a parameter. */
  readonly pointer: string;
  readonly detail: string;
}

const problem: z.ZodType<Problem> = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

export interface EventParams {
  readonly event: string;
}

export interface ReservationParams {
  readonly id: string;
}

export interface StreamQuery {
  /** Names, with commas between them. */
  readonly customers?: string | undefined;
}

const eventParams: z.ZodType<EventParams> = z.object({ event: eventId });
const reservationParams: z.ZodType<ReservationParams> = z.object({ id: z.uuid() });
const streamQuery: z.ZodType<StreamQuery> = z.object({
  customers: z
    .string()
    .max(5 * maxName)
    .regex(/^[\w.@+-]+(,[\w.@+-]+)*$/)
    .optional()
    .describe("whose reservations are told of too: names, with commas between them"),
});

export const schemas: {
  readonly [
    name in
      | "requested"
      | "reservation"
      | "accepted"
      | "events"
      | "map"
      | "streamEvents"
      | "health"
      | "problem"
      | "eventParams"
      | "reservationParams"
      | "streamQuery"
  ]: JsonSchema;
} = {
  requested: json(requested),
  reservation: json(reservation),
  accepted: json(accepted),
  events: json(events),
  map: json(map),
  streamEvents: json(z.array(streamEvent)),
  health: json(health),
  problem: json(problem),
  eventParams: json(eventParams),
  reservationParams: json(reservationParams),
  streamQuery: json(streamQuery),
};

function json(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-07", io: "input" });
  return rest;
}
