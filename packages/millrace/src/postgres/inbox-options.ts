/**
 * Owns what an inbox can be told, the defaults, and what follows from them for a message: its key and its
 * lock. It never asks the database.
 */
import { createHash } from "node:crypto";
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type { Message } from "../consumer/message.ts";
import { OptionError } from "../errors.ts";
import {
  checkOptionNames,
  requireClock,
  requireFunction,
  requireNumber,
} from "../option-checks.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import { parseQueue } from "../sqs/queue-address.ts";
import { InboxKeyError } from "./errors.ts";
import { lockKey } from "./lock-key.ts";
import { defaultInboxTable } from "./schema.ts";
import { readTableName } from "./table-name.ts";
import type { TableName } from "./table-name.ts";
import type { Isolation } from "./begin.ts";

/** Options of `inbox` and `inboxBatch`. */
export interface InboxOptions<Body> {
  /**
   * What the message stands for: messages with one key are one effect. Default, and where it answers
   * undefined: the idempotency key that a `Producer` stamps on every message, else SQS's MessageId, which does
   * not survive a redrive. Of any length; what is longer than 250 characters is kept as its SHA-256.
   */
  readonly key?: ((message: Message<Body>) => string | undefined) | undefined;
  /**
   * Messages with the same lock run one at a time, across all processes and hosts: a seat, an account. A
   * transaction-level advisory lock, taken first and held until the transaction ends. Whoever waits within one
   * process holds no connection; one process takes one of its pool for each lock that it waits for. Default,
   * and where it answers undefined: none.
   */
  readonly lock?: ((message: Message<Body>) => string | undefined) | undefined;
  /**
   * Within what keys and locks count: the same key in two scopes is two effects. Default: the queue, as
   * `account/name`. Give one where consumers of several queues share effects or locks, as the consumer of a
   * dead-letter queue does with that of the queue itself. Up to 250 characters.
   */
  readonly scope?: string | undefined;
  /** The table, `name` or `schema.name`; `migrate` creates it. Default `millrace_inbox`. */
  readonly table?: string | undefined;
  /**
   * How long keys are kept, in days, above 0 to 3,650: that is when `sweep` may delete them. Default 15, one
   * more than SQS can keep a message. A message that comes again later than that is done again.
   */
  readonly retentionDays?: number | undefined;
  /**
   * Default "read committed". Above it, conflicts become serialization failures, after which the transaction
   * is run again, four times at most, before that counts as a failure.
   */
  readonly isolation?: Isolation | undefined;
  /**
   * Called for each message that is acknowledged without the handler, since its key was there. To count; what
   * it throws is logged.
   */
  readonly onDuplicate?: ((message: Message<Body>) => unknown) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the runtime's random numbers. */
  readonly random?: Random | undefined;
}

/** An inbox's options, checked, with the defaults filled in. */
export interface InboxSettings<Body> {
  readonly table: TableName;
  readonly retentionDays: number;
  readonly isolation: Isolation;
  readonly clock: Clock;
  readonly random: Random;
  readonly onDuplicate: ((message: Message<Body>) => unknown) | undefined;
  readonly scopeOf: (message: Message<Body>) => string;
  /** The key as it stands in the table. */
  readonly keyOf: (message: Message<Body>) => string;
  /** The number of its advisory lock, as digits; undefined for none. */
  readonly lockOf: (message: Message<Body>) => string | undefined;
}

/** Characters of a key or scope; of each three bytes at most, which together an index still takes. */
const maxKeyLength = 250;

const known: ReadonlySet<string> = new Set<keyof InboxOptions<unknown>>([
  "key",
  "lock",
  "scope",
  "table",
  "retentionDays",
  "isolation",
  "onDuplicate",
  "clock",
  "random",
]);

const isolations: ReadonlySet<unknown> = new Set<Isolation>([
  "read committed",
  "repeatable read",
  "serializable",
]);

/** @throws OptionError for what cannot work. */
export function readInboxOptions<Body>(options: InboxOptions<Body>): InboxSettings<Body> {
  checkOptionNames(options, known);
  const { key, lock, scope, retentionDays = 15, isolation = "read committed" } = options;
  const { clock = systemClock, random = systemRandom } = options;
  for (const name of ["key", "lock", "onDuplicate"] as const) {
    if (options[name] !== undefined) requireFunction(name, options[name]);
  }
  if (scope !== undefined && !isScope(scope)) {
    const expected = `a string of 1 to ${maxKeyLength} characters, as Postgres holds them`;
    throw new OptionError("scope", expected, scope);
  }
  requireNumber("retentionDays", retentionDays, { min: Number.MIN_VALUE, max: 3_650 });
  if (!isolations.has(isolation)) {
    throw new OptionError("isolation", [...isolations].join(" or "), isolation);
  }
  requireClock(clock);
  requireFunction("random", random);
  const table = readTableName("table", options.table ?? defaultInboxTable);
  const scopeOf = (message: Message<Body>): string => scope ?? queueScope(message.queueUrl);
  return {
    table,
    retentionDays,
    isolation,
    clock,
    random,
    onDuplicate: options.onDuplicate,
    scopeOf,
    keyOf: (message) => storable(answer("key", key, message) ?? defaultKey(message)),
    lockOf: (message) => {
      const name = answer("lock", lock, message);
      // Without the table's schema, which one process may name and another leave to its search path.
      return name === undefined ? undefined : lockKey("inbox", table.name, scopeOf(message), name);
    },
  };
}

function isScope(scope: unknown): boolean {
  if (typeof scope !== "string" || unstorable.test(scope)) return false;
  return scope.length > 0 && scope.length <= maxKeyLength;
}

function answer<Body>(
  option: "key" | "lock",
  ask: ((message: Message<Body>) => string | undefined) | undefined,
  message: Message<Body>,
): string | undefined {
  const name: unknown = ask?.(message);
  if (name === undefined) return undefined;
  if (typeof name !== "string" || name === "") throw new InboxKeyError(option, name);
  return name;
}

function defaultKey({ idempotencyKey, id }: Message<unknown>): string {
  return idempotencyKey ?? id;
}

/** What text of Postgres cannot hold: it, and what becomes of it on the way there, would stand for other keys too. */
const unstorable = /\0|\p{Surrogate}/u;

/**
 * What an index of Postgres takes: not too long, and text that comes back as it went there. A key with a lone
 * surrogate is hashed in a form that keeps it, as JSON; as UTF-8 all of those would be the same character.
 */
function storable(key: string): string {
  const sound = !unstorable.test(key);
  if (sound && key.length <= maxKeyLength) return key;
  const text = sound ? key : JSON.stringify(key);
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** The same for all who consume a queue, by whatever endpoint. */
function queueScope(queueUrl: string): string {
  const { accountId, name } = parseQueue(queueUrl);
  return accountId === undefined ? name : `${accountId}/${name}`;
}
