/**
 * Owns the making of a handler whose effects happen once: the message's key and the effects in one
 * transaction. It never settles a message; the consumer does, after the commit.
 */
import type { Pool, PoolClient } from "pg";
import type { HandlerContext } from "../consumer/handler-call.ts";
import type { Message } from "../consumer/message.ts";
import { acknowledge, isOutcome } from "../consumer/outcome.ts";
import { onRejection } from "../errors.ts";
import { requireFunction } from "../option-checks.ts";
import { checkPool } from "./held-client.ts";
import { recordKeys } from "./inbox-keys.ts";
import { readInboxOptions } from "./inbox-options.ts";
import type { InboxOptions, InboxSettings } from "./inbox-options.ts";
import { lendTo } from "./lent-client.ts";
import { inTransaction } from "./transaction.ts";
import { Turns } from "./turns.ts";

/**
 * A handler with a transaction. `tx` is a client of the pool within the transaction: what is done with it is
 * committed together with the message's key, or not at all. It is the inbox's to commit, roll back and release:
 * BEGIN, COMMIT and ROLLBACK reject with TransactionEndedError, `release` does nothing. Once the handler has ended
 * every query rejects with it: await all of them.
 */
export type InboxHandler<Body> = (
  message: Message<Body>,
  tx: PoolClient,
  context: HandlerContext,
) => unknown;

/**
 * Makes a handler for a consumer whose effects in the database happen exactly once, however often the message
 * is delivered and whoever crashes meanwhile.
 *
 * | the handler | the transaction | the message |
 * |---|---|---|
 * | returns | committed: effects and key | acknowledged |
 * | is not called: the key is there | rolled back, empty | acknowledged |
 * | returns `retry()`, `release()`, `deadLetter()` | rolled back: neither effects nor key | as it says |
 * | throws; its signal aborts at any time before the commit is confirmed | rolled back, likewise | retried |
 * | meets a serialization failure or a deadlock (40001, 40P01) | rolled back, run again | – |
 *
 * Effects outside the transaction are not covered; and since a transaction may be run again, with the same message,
 * they may happen more than once. Its key stays for `retentionDays`; `sweep` deletes those that are over.
 *
 * A message needs a connection for as long as its handler runs; with fewer in the pool than the consumer has
 * workers, the others wait. A handler that asks the pool for a second one can wait for ever: use `tx`.
 *
 * @throws OptionError for what cannot work. The handler that it makes throws what `handler` throws; the reason
 * of its signal; DatabaseUnavailableError, StatementError, TransactionAbortedError, TransactionEndedError,
 * CommitUnknownError; InboxKeyError. Each of them has the message retried.
 *
 * @example
 * const consumer = new Consumer({
 *   queue: "orders",
 *   handle: inbox(pool, async (message, tx) => {
 *     await tx.query("INSERT INTO orders (id) VALUES ($1)", [message.body]);
 *   }),
 *   limits: [poolHeadroom(pool)],
 * });
 */
export function inbox<Body = string>(
  pool: Pool,
  handler: InboxHandler<Body>,
  options: InboxOptions<Body> = {},
): (message: Message<Body>, context: HandlerContext) => Promise<unknown> {
  checkPool(pool);
  requireFunction("handler", handler);
  const settings = readInboxOptions(options);
  const { keyOf, lockOf, scopeOf, isolation, clock, random, table, retentionDays } = settings;
  const turns = new Turns();
  return async (message, context) => {
    const { signal } = context;
    const key = keyOf(message);
    const lock = lockOf(message);
    const locks = lock === undefined ? [] : [lock];
    const keys = { table, scope: scopeOf(message), keys: [key], retentionDays };
    const leave = await turns.take(locks, signal);
    try {
      const parts = { pool, isolation, locks, signal, clock, random };
      const end = await inTransaction(parts, async (tx) => {
        const { size } = await recordKeys(tx, keys);
        if (size === 0) return { commit: false, value: { duplicate: true, value: acknowledge } };
        const value = await lendTo(tx, (lent) => handler(message, lent, context));
        return { commit: !undoes(value), value: { duplicate: false, value } };
      });
      if (end.duplicate) tellDuplicate(settings, message, context);
      return end.value;
    } finally {
      leave();
    }
  };
}

/** Whether what a handler returned means that its work is not done. An outcome of a later copy of the library acknowledges. */
export function undoes(value: unknown): boolean {
  return isOutcome(value) && ["retry", "release", "deadLetter"].includes(value.type);
}

/** Says that a message was done before. */
export function tellDuplicate<Body>(
  { onDuplicate }: InboxSettings<Body>,
  message: Message<Body>,
  { logger }: HandlerContext,
): void {
  logger.debug("a message was done before; it is acknowledged", { id: message.id });
  const report = (error: unknown): void => logger.error("onDuplicate failed", { error });
  try {
    onRejection(onDuplicate?.(message), report);
  } catch (error) {
    report(error);
  }
}
