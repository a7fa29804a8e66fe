/**
 * Owns the tables of inbox and outbox: their SQL, and their creation. It never reads or writes a row.
 */
import type { Pool } from "pg";
import { OptionError } from "../errors.ts";
import { checkOptionNames } from "../option-checks.ts";
import { checkPool, withClient } from "./held-client.ts";
import { lockKey } from "./lock-key.ts";
import { readTableName } from "./table-name.ts";
import type { TableName } from "./table-name.ts";

export const defaultInboxTable = "millrace_inbox";
export const defaultOutboxTable = "millrace_outbox";

/** Options of {@link migrate}. */
export interface MigrateOptions {
  /** The inbox's table, `name` or `schema.name`. Default `millrace_inbox`. Its schema must exist. */
  readonly inbox?: string | undefined;
  /** The outbox's table, `name` or `schema.name`. Default `millrace_outbox`. Its schema must exist. */
  readonly outbox?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The SQL that creates an inbox's table, for those who run migrations of their own.
 *
 * @param table `name` or `schema.name`.
 * @throws OptionError when `table` is no such name.
 */
export function inboxSql(table: string = defaultInboxTable): string {
  return createInbox(readTableName("table", table));
}

/**
 * The SQL that creates an outbox's table, for those who run migrations of their own.
 *
 * @param table `name` or `schema.name`.
 * @throws OptionError when `table` is no such name.
 */
export function outboxSql(table: string = defaultOutboxTable): string {
  return createOutbox(readTableName("table", table));
}

/**
 * Creates the tables of inbox and outbox where they are missing. Any number of processes may call it at once;
 * where the tables exist no right to create any is needed.
 *
 * @throws OptionError when a name is none; DatabaseUnavailableError, StatementError; the signal's reason.
 */
export async function migrate(pool: Pool, options: MigrateOptions = {}): Promise<void> {
  checkPool(pool);
  checkOptionNames(options, known);
  const inbox = readTableName("inbox", options.inbox ?? defaultInboxTable);
  const outbox = readTableName("outbox", options.outbox ?? defaultOutboxTable);
  if (inbox.sql === outbox.sql) {
    throw new OptionError("outbox", "another table than the inbox's", options.outbox);
  }
  // In one message, so in one transaction, which ends with it: its lock too.
  const sql = [
    takeTurn,
    createIfMissing(inbox, createInbox),
    createIfMissing(outbox, createOutbox),
    refuseIfSame(inbox, outbox),
  ].join(";");
  await withClient(pool, options.signal, (held) =>
    held.run("the tables could not be created", sql),
  );
}

const known: ReadonlySet<string> = new Set<keyof MigrateOptions>(["inbox", "outbox", "signal"]);

/** CREATE TABLE IF NOT EXISTS is no help to those who come at once: one of them fails on the catalog. */
const takeTurn = `SELECT pg_advisory_xact_lock(${lockKey("migrate")})`;

function createIfMissing(table: TableName, create: (table: TableName) => string): string {
  return `DO $millrace$ BEGIN
    IF to_regclass('${table.sql}') IS NULL THEN ${create(table)} END IF;
  END $millrace$`;
}

/** Two names can be of one table: `t` and `public.t`. Which schema a name is of, only the database knows. */
function refuseIfSame(inbox: TableName, outbox: TableName): string {
  return `DO $millrace$ BEGIN
    IF to_regclass('${inbox.sql}') = to_regclass('${outbox.sql}') THEN
      RAISE duplicate_table USING MESSAGE = 'inbox and outbox are one table: ${outbox.sql}';
    END IF;
  END $millrace$`;
}

/** `key` is what was done, `queue` for whom; both are short. */
function createInbox({ sql, name }: TableName): string {
  return `
    CREATE TABLE ${sql} (
      queue      text        NOT NULL,
      key        text        NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (queue, key)
    );
    CREATE INDEX "${name}_expires" ON ${sql} (expires_at);`;
}

/**
 * `lane` is a group of a FIFO queue, whose order is kept, and NULL on a standard queue. `options` are those
 * of the send. A row whose send failed is due again later; those behind it in its lane stay as they are, and wait.
 */
function createOutbox({ sql, name }: TableName): string {
  return `
    CREATE TABLE ${sql} (
      id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      queue      text        NOT NULL,
      lane       text,
      body       text        NOT NULL,
      options    jsonb       NOT NULL CHECK (jsonb_typeof(options) = 'object'),
      attempts   integer     NOT NULL DEFAULT 0,
      due_at     timestamptz NOT NULL DEFAULT now(),
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX "${name}_due" ON ${sql} (due_at, id) WHERE lane IS NULL;
    CREATE INDEX "${name}_lane_due" ON ${sql} (due_at, id) WHERE lane IS NOT NULL;
    CREATE INDEX "${name}_lane" ON ${sql} (lane, id) WHERE lane IS NOT NULL;`;
}
