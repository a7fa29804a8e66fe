/**
 * Owns the making of the workers' consumer: how a decision comes to be made once, whatever happens. It never
 * starts or stops it; the worker program does.
 */
import { Consumer, deadLetter, exponentialBackoff } from "millrace";
import type { Handler, Message, SqsApi } from "millrace";
import { inbox, poolHeadroom } from "millrace/postgres";
import type { Pool } from "pg";
import { decide } from "./decision.ts";
import type { Database } from "./decision.ts";
import { reservationMessage } from "./reservation.ts";
import type { ReservationMessage } from "./reservation.ts";

export interface DecidingConsumerOptions {
  /** The queue's URL, ARN or name. */
  readonly queue: string;
  readonly sqs: SqsApi;
  /** Should have a connection for each of the workers. */
  readonly pool: Pool;
  /** Decisions at once. */
  readonly concurrency: number;
  /** Default: the queue's own. */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** Without inbox and lock: right as long as nothing ever goes wrong and nobody wants the same seat. */
  readonly unguarded?: boolean | undefined;
  /** Called for each message that was decided before. */
  readonly onDuplicate?: ((message: Message<ReservationMessage>) => void) | undefined;
}

/**
 * | promise | rests on |
 * |---|---|
 * | a reservation is decided once, and its customer told once | the inbox: key, decision and notification are one transaction |
 * | a seat is sold once | the lock: who decides about a seat is alone with it, and sees what was decided before |
 * | none is forgotten | SQS: the message is deleted after the commit, or comes again |
 *
 * @throws OptionError when an option cannot work.
 */
export function decidingConsumer(options: DecidingConsumerOptions): Consumer<ReservationMessage> {
  const { queue, sqs, pool, concurrency, visibilityTimeoutSeconds, onDuplicate } = options;
  const handle: Handler<ReservationMessage> =
    options.unguarded === true
      ? (message) => decideAbout(message, pool)
      : inbox(pool, decideAbout, {
          lock: ({ body }) => `${body.event}/${body.seat}`,
          // The reservations are the same whatever queue they come by.
          scope: "tickets",
          onDuplicate,
        });
  return new Consumer({
    queue,
    sqs,
    schema: reservationMessage,
    handle,
    concurrency,
    prefetch: 20,
    visibilityTimeoutSeconds,
    limits: [poolHeadroom(pool)],
    handlerTimeoutMs: 30_000,
    retry: exponentialBackoff({ baseSeconds: 1, maxSeconds: 30 }),
  });
}

async function decideAbout(message: Message<ReservationMessage>, db: Database): Promise<unknown> {
  const known = await decide(db, message.body);
  return known ? undefined : deadLetter({ reason: "there is no such reservation" });
}
