/**
 * Owns what goes wrong during a rush besides what SQS does: workers that are killed, messages that are sent
 * twice. It never touches what the workers store.
 */
import { sleep, systemClock } from "millrace";
import type { Random } from "millrace";
import { outbox } from "millrace/postgres";
import type { Pool } from "pg";
import type { Crew } from "../crew.ts";
import type { ReservationMessage } from "../office/reservation.ts";

export interface KillingOptions {
  readonly staff: Crew;
  readonly workers: number;
  /** From one to the next, on average. */
  readonly everyMs: number;
  readonly random: Random;
  readonly onKill: () => void;
  readonly until: AbortSignal;
}

/** Kills one worker after the other, whatever it is doing, until the signal aborts. */
export async function keepKilling(options: KillingOptions): Promise<void> {
  const { staff, workers, everyMs, random, onKill, until } = options;
  while (!until.aborted) {
    await sleep(systemClock, everyMs * (0.5 + random()), until).catch(() => {});
    if (until.aborted) return;
    await staff.kill(1 + Math.floor(random() * workers));
    onKill();
  }
}

export interface ResendingOptions {
  readonly pool: Pool;
  readonly queue: string;
  readonly share: number;
  readonly onResent: (count: number) => void;
  readonly until: AbortSignal;
}

const resendEveryMs = 250;

/**
 * Puts some messages into the outbox again, until the signal aborts: a relay that dies between the send and the
 * removal does the same.
 */
export async function keepResending(options: ResendingOptions): Promise<void> {
  const { pool, queue, share, onResent, until } = options;
  let since = new Date(0);
  while (!until.aborted) {
    await sleep(systemClock, resendEveryMs, until).catch(() => {});
    if (until.aborted) return;
    const { rows } = await pool.query<ReservationMessage & { readonly created_at: Date }>(
      `SELECT id, event, seat, created_at FROM tickets.reservations
       WHERE created_at > $1 AND random() < $2 ORDER BY created_at`,
      [since, share],
    );
    since = rows.at(-1)?.created_at ?? since;
    for (const { id, event, seat } of rows) {
      await outbox(pool, queue, { id, event, seat }, { idempotencyKey: id });
    }
    onResent(rows.length);
  }
}
