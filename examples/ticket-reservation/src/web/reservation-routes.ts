/**
 * Owns the routes about reservations: to ask for one, and to see what became of it. It never decides one.
 */
import type { FastifyInstance } from "fastify";
import type { Pool } from "pg";
import type { ReservationRequest } from "../office/reservation.ts";
import { findReservation, requestReservation } from "../office/reservations.ts";
import { answer, problemAnswer } from "./answers.ts";
import { ProblemError } from "./problem.ts";
import { schemas } from "./shapes.ts";
import type { Accepted, ReservationParams } from "./shapes.ts";

export interface ReservationRoutesOptions {
  readonly pool: Pool;
  /** The workers' queue. */
  readonly queue: string;
}

/** Requests that wait for a connection; more than these would wait too long to be worth it. */
const maxWaiting = 1_000;
const bodyBytes = 1_024;

export function reservationRoutes(
  app: FastifyInstance,
  { pool, queue }: ReservationRoutesOptions,
): void {
  app.post<{ Body: ReservationRequest }>(
    "/reservations",
    {
      bodyLimit: bodyBytes,
      schema: {
        summary: "Asks for a seat; a worker decides",
        body: schemas.requested,
        response: {
          202: answer("Taken: a worker will decide", schemas.accepted, {
            location: { type: "string", description: "where the reservation is to be seen" },
          }),
          default: problemAnswer,
        },
      },
    },
    async ({ body }, reply) => {
      if (pool.waitingCount >= maxWaiting) throw new ProblemError(503, "too many ask at once");
      const id = await requestReservation(pool, queue, body);
      if (id === undefined) {
        throw new ProblemError(404, `there is no seat "${body.seat}" at "${body.event}"`);
      }
      const accepted: Accepted = { id, state: "pending" };
      return reply.status(202).header("location", `/reservations/${id}`).send(accepted);
    },
  );

  app.get<{ Params: ReservationParams }>(
    "/reservations/:id",
    {
      schema: {
        summary: "What became of a reservation",
        params: schemas.reservationParams,
        response: {
          200: answer("The reservation, as it is now", schemas.reservation),
          default: problemAnswer,
        },
      },
    },
    async ({ params }, reply) => {
      const reservation = await findReservation(pool, params.id);
      if (reservation === undefined) throw new ProblemError(404, "there is no such reservation");
      return reply.header("cache-control", "no-store").send(reservation);
    },
  );
}
