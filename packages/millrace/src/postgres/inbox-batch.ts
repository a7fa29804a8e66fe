/**
 * Owns the making of a batch handler whose effects happen once: the keys of all messages and their effects in
 * one transaction. It never settles a message; the consumer does, after the commit.
 */
import type { Pool, PoolClient } from "pg";
import { outcomesOf } from "../consumer/batch-outcomes.ts";
import type { HandlerContext } from "../consumer/handler-call.ts";
import type { Message } from "../consumer/message.ts";
import { acknowledge, isOutcome } from "../consumer/outcome.ts";
import type { Outcome } from "../consumer/outcome.ts";
import { requireFunction } from "../option-checks.ts";
import { checkPool } from "./held-client.ts";
import { tellDuplicate, undoes } from "./inbox.ts";
import { forgetKeys, recordKeys } from "./inbox-keys.ts";
import { readInboxOptions } from "./inbox-options.ts";
import type { InboxOptions } from "./inbox-options.ts";
import { lendTo } from "./lent-client.ts";
import { inTransaction } from "./transaction.ts";
import { Turns } from "./turns.ts";

/**
 * A batch handler with a transaction; see `InboxHandler` about `tx`. `messages` are those that were not done
 * before, each key once, at least one. It may answer one outcome a message, in their order.
 */
export type InboxBatchHandler<Body> = (
  messages: readonly Message<Body>[],
  tx: PoolClient,
  context: HandlerContext,
) => unknown;

/**
 * Makes a handler for a consumer's `handleBatch`: what {@link inbox} does, for many messages in one
 * transaction. Keys are recorded in one statement, and effects can be written in bulk.
 *
 * | the handler | the transaction | the messages |
 * |---|---|---|
 * | returns | committed: effects and keys | acknowledged |
 * | returns one outcome a message, some of them `retry()`, `release()` or `deadLetter()` | committed, without the keys of those | as it says |
 * | returns one such outcome, or one for every message | rolled back | as it says |
 * | is not called: all keys are there | rolled back, empty | acknowledged |
 * | throws; its signal aborts before the commit is confirmed | rolled back | retried |
 *
 * In a transaction that is committed, the effects of messages that are not done are the handler's to leave out.
 * A message that was done before is acknowledged; one whose key is in the batch twice fares as the first.
 * `lock` takes the locks of all messages, in one order.
 *
 * @throws what `inbox` throws; BatchOutcomeError for an array that is not one outcome, or undefined, a message.
 */
export function inboxBatch<Body = string>(
  pool: Pool,
  handler: InboxBatchHandler<Body>,
  options: InboxOptions<Body> = {},
): (messages: readonly Message<Body>[], context: HandlerContext) => Promise<Outcome[]> {
  checkPool(pool);
  requireFunction("handler", handler);
  const settings = readInboxOptions(options);
  const { keyOf, lockOf, scopeOf, isolation, clock, random, table, retentionDays } = settings;
  const turns = new Turns();
  return async (messages, context) => {
    const [any] = messages;
    if (any === undefined) return [];
    const { signal } = context;
    const byKey = new Map<string, Message<Body>>();
    const keys = messages.map((message) => keyOf(message));
    for (const [index, message] of messages.entries()) {
      const key = keys[index] ?? "";
      if (!byKey.has(key)) byKey.set(key, message);
    }
    const locks = sorted(new Set(messages.flatMap((message) => lockOf(message) ?? [])));
    // All are of one queue.
    const record = { table, scope: scopeOf(any), retentionDays };
    const leave = await turns.take(locks, signal);
    try {
      const parts = { pool, isolation, locks, signal, clock, random };
      const outcomes = await inTransaction(parts, async (tx) => {
        const fresh = await recordKeys(tx, { ...record, keys: [...byKey.keys()] });
        const todo = [...byKey].filter(([key]) => fresh.has(key));
        if (todo.length === 0) return { commit: false, value: new Map<string, Outcome>() };
        const those = todo.map(([, message]) => message);
        const answer: unknown = await lendTo(tx, (lent) => handler(those, lent, context));
        const values = outcomesOf(answer, todo.length, (error) =>
          context.logger.warn("a promise in the answer of the batch's handler rejected", { error }),
        );
        const forAll = isOutcome(answer) ? answer : acknowledge;
        const value = new Map(
          todo.map(([key], index) => [
            key,
            values === undefined ? forAll : (values[index] ?? acknowledge),
          ]),
        );
        const undone = [...value].filter(([, outcome]) => undoes(outcome)).map(([key]) => key);
        const commit = undone.length < todo.length;
        if (commit) await forgetKeys(tx, { ...record, keys: undone });
        return { commit, value };
      });
      for (const [index, message] of messages.entries()) {
        const key = keys[index] ?? "";
        const again = !outcomes.has(key) || byKey.get(key) !== message;
        if (again && !undoes(outcomes.get(key))) tellDuplicate(settings, message, context);
      }
      return keys.map((key) => outcomes.get(key) ?? acknowledge);
    } finally {
      leave();
    }
  };
}

/** In ascending order of the numbers, which all processes share. */
function sorted(locks: ReadonlySet<string>): string[] {
  return [...locks].toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
}
