/**
 * Owns the writing of a message into the outbox, in the caller's transaction. It never sends one; the relay
 * does, once the transaction is committed.
 */
import { checkOptionNames, requireMethodsUnshown } from "../option-checks.ts";
import type { SendOptions } from "../producer/options.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import { statementFailed } from "./errors.ts";
import { toEntry } from "./outbox-row.ts";
import { defaultOutboxTable } from "./schema.ts";
import { readTableName } from "./table-name.ts";

/**
 * What can run a statement in the caller's transaction: a client of `pg`, or a query builder behind the same
 * face.
 */
export interface Queryable {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** Options of {@link outbox}: those of a send, and where the message is stored. */
export interface OutboxOptions extends Omit<SendOptions, "signal"> {
  /** The table, `name` or `schema.name`; `migrate` creates it. Default `millrace_outbox`. */
  readonly table?: string | undefined;
  /** Default: the runtime's random numbers. */
  readonly random?: Random | undefined;
}

/** What `outbox` has stored. */
export interface OutboxResult {
  /** What the message stands for, wherever it is seen; see `SendOptions.idempotencyKey`. */
  readonly idempotencyKey: string;
}

/**
 * Stores a message in the transaction of `tx`: it is sent if that commits, and not at all if it rolls back.
 * An {@link OutboxRelay}, of this process or another one, sends it: at least once, with the same idempotency
 * key and, on a FIFO queue, the same deduplication id each time.
 *
 * On a FIFO queue the messages of a group are sent in the order in which their transactions stored them, where
 * one followed the other, and all name the queue in one way.
 *
 * @param queue the queue's URL, ARN or name, as the relay is to reach it. A FIFO queue is to be named in the same way
 * each time: its name alone does not say which URL or ARN is its own, and a group that is stored under two such
 * names counts as two. Only the URL at AWS's own endpoints and the ARN are known to be one.
 * @param body a string, which is sent as it is, or anything else, as JSON.
 * @param options as for `Producer.send`, with at most nine attributes; `delaySeconds` counts from the send.
 * @throws InvalidMessageError when SQS would refuse the message; OptionError for what cannot work;
 * StatementError, DatabaseUnavailableError. The first two before anything is asked of the database.
 *
 * @example
 * await client.query("BEGIN");
 * await client.query("INSERT INTO reservations (id, state) VALUES ($1, 'pending')", [id]);
 * await outbox(client, "reservations", { id, seat });
 * await client.query("COMMIT");
 */
export async function outbox(
  tx: Queryable,
  queue: string,
  body: unknown,
  options: OutboxOptions = {},
): Promise<OutboxResult> {
  requireMethodsUnshown("tx", tx, ["query"], "a client of pg");
  checkOptionNames(options, known);
  const { table = defaultOutboxTable, random = systemRandom, ...send } = options;
  const { sql, name } = readTableName("table", table);
  const entry = toEntry(queue, body, send, random);
  const text = `
    WITH stored AS (INSERT INTO ${sql} (queue, lane, body, options) VALUES ($1, $2, $3, $4))
    SELECT pg_notify($5, '')`;
  const values = [entry.queue, entry.lane, entry.body, JSON.stringify(entry.options), name];
  try {
    await tx.query(text, values);
  } catch (error) {
    throw statementFailed("the message could not be stored in the outbox", error);
  }
  return { idempotencyKey: entry.options.idempotencyKey };
}

const known: ReadonlySet<string> = new Set<keyof OutboxOptions>([
  "table",
  "random",
  "delaySeconds",
  "groupId",
  "deduplicationId",
  "idempotencyKey",
  "attributes",
]);
