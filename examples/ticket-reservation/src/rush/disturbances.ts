/**
 * Owns what goes wrong during a rush besides what SQS does: workers that are killed, messages that are sent
 * twice. It never touches what the workers store.
 */
import { sleep, systemClock } from "millrace";
import { outbox } from "millrace/postgres";
import { seededRandom } from "millrace/testing";
import type { ReservationMessage } from "../office/reservation.ts";
import type { RushOffice } from "./rush-office.ts";
import type { RushPlan } from "./rush-plan.ts";

/** What was done, counted. */
export interface Disturbed {
  /** Workers that were killed. */
  readonly kills: number;
  /** Messages that were sent a second time. */
  readonly resent: number;
}

const resendEveryMs = 250;

export class Disturbances {
  readonly #plan: RushPlan;
  readonly #office: RushOffice;
  readonly #end = new AbortController();
  #counted: Disturbed = { kills: 0, resent: 0 };
  /** Set by begin. */
  #running: Promise<unknown> | undefined;

  constructor(plan: RushPlan, office: RushOffice) {
    this.#plan = plan;
    this.#office = office;
  }

  get counted(): Disturbed {
    return this.#counted;
  }

  get ended(): boolean {
    return this.#end.signal.aborted;
  }

  /** From now on; what has begun or ended goes on as it is. */
  begin(): void {
    if (this.ended || this.#running !== undefined) return;
    this.#running = Promise.all([this.#keepKilling(), this.#keepResending()]);
    this.#running.catch(() => {}); // Seen by end.
  }

  /** Resolves when nothing is disturbed any more; rejects with what got in the way of it. */
  async end(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  /** One worker after the other, the first at once, whatever it is doing. */
  async #keepKilling(): Promise<void> {
    const { killEveryMs, workers, seed } = this.#plan;
    if (killEveryMs === undefined) return;
    const random = seededRandom(seed);
    while (!this.ended) {
      await this.#office.staff.kill(1 + Math.floor(random() * workers));
      this.#counted = { ...this.#counted, kills: this.#counted.kills + 1 };
      await this.#pause(killEveryMs * (0.5 + random()));
    }
  }

  /** Puts some messages into the outbox again: a relay that dies between the send and the removal does the same. */
  async #keepResending(): Promise<void> {
    const { pool, queue } = this.#office;
    let since = new Date(0);
    while (!this.ended) {
      const { rows } = await pool.query<ReservationMessage & { readonly created_at: Date }>(
        `SELECT id, event, seat, created_at FROM tickets.reservations
         WHERE created_at > $1 AND random() < $2 ORDER BY created_at`,
        [since, this.#plan.resentShare],
      );
      since = rows.at(-1)?.created_at ?? since;
      for (const { id, event, seat } of rows) {
        await outbox(pool, queue, { id, event, seat }, { idempotencyKey: id });
      }
      this.#counted = { ...this.#counted, resent: this.#counted.resent + rows.length };
      await this.#pause(resendEveryMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return sleep(systemClock, ms, this.#end.signal).catch(() => {});
  }
}
