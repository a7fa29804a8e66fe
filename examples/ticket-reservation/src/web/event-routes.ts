/**
 * Owns the routes about events: which there are, their seats, and the stream of what changes. It never changes
 * anything.
 */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Pool } from "pg";
import { listEvents, seatMap } from "../office/events.ts";
import type { SeatMap } from "../office/events.ts";
import { reservationsOf } from "../office/reservations.ts";
import { answer, problemAnswer, streamAnswer } from "./answers.ts";
import type { ChangeFeed } from "./change-feed.ts";
import { EventStream } from "./event-stream.ts";
import { ProblemError } from "./problem.ts";
import { schemas } from "./shapes.ts";
import type { EventParams, StreamQuery } from "./shapes.ts";

export interface EventRoutesOptions {
  readonly pool: Pool;
  readonly feed: ChangeFeed;
}

/** Each holds a connection and is written to at every change. */
const maxStreams = 1_000;

export function eventRoutes(app: FastifyInstance, { pool, feed }: EventRoutesOptions): void {
  const streams = new Set<EventStream>();
  let closing = false;
  // A stream does not end by itself, and the server waits for what is under way.
  app.addHook("preClose", () => {
    closing = true;
    for (const stream of streams) stream.end();
  });

  app.get(
    "/events",
    {
      schema: {
        summary: "The events that seats are sold for",
        response: {
          200: answer("The events, in the order of their ids", schemas.events),
          default: problemAnswer,
        },
      },
    },
    async () => listEvents(pool),
  );

  app.get<{ Params: EventParams }>(
    "/events/:event/seats",
    {
      schema: {
        summary: "An event, and which of its seats are sold",
        params: schemas.eventParams,
        response: {
          200: answer("The event as it is now", schemas.map),
          default: problemAnswer,
        },
      },
    },
    async ({ params }, reply) => {
      void reply.header("cache-control", "no-store");
      return found(await seatMap(pool, params.event), params.event);
    },
  );

  app.get<{ Params: EventParams; Querystring: StreamQuery }>(
    "/events/:event/stream",
    {
      // It would be a stream without an end, and without anything in it.
      exposeHeadRoute: false,
      schema: {
        summary: "Server-sent events: a `snapshot`, then `changes` as seats are sold",
        params: schemas.eventParams,
        querystring: schemas.streamQuery,
        response: { 200: streamAnswer, default: problemAnswer },
      },
    },
    async ({ params, query }, reply) => {
      const customers = query.customers?.split(",") ?? [];
      // While there is still a status code to say it with.
      found(await seatMap(pool, params.event), params.event);
      if (closing) throw new ProblemError(503, "the server is stopping");
      if (streams.size >= maxStreams) throw new ProblemError(503, "there are too many streams");
      const stream = new EventStream({
        response: rawOf(reply),
        customers: new Set(customers),
        snapshot: async () => ({
          ...found(await seatMap(pool, params.event), params.event),
          reservations: await reservationsOf(pool, params.event, customers),
        }),
        onEnd: () => {
          unsubscribe();
          streams.delete(stream);
        },
      });
      const unsubscribe = feed.subscribe(params.event, stream);
      streams.add(stream);
      stream.open();
      return reply;
    },
  );
}

/** The response itself, which Fastify leaves alone from now on; with the headers that were set so far. */
function rawOf(reply: FastifyReply): FastifyReply["raw"] {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  return reply.raw;
}

function found(map: SeatMap | undefined, event: string): SeatMap {
  if (map === undefined) throw new ProblemError(404, `there is no event "${event}"`);
  return map;
}
