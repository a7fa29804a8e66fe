/**
 * Owns the names of tables: which are allowed, and how each is written in SQL and in messages. It never asks
 * the database.
 */
import { OptionError } from "../errors.ts";

/** A table, `name` or `schema.name`. */
export interface TableName {
  /** As it stands in SQL, quoted. */
  readonly sql: string;
  /** Without its schema. */
  readonly name: string;
}

/** Postgres cuts identifiers off at 63 bytes; the names of indexes, made from it, must still differ. */
const maxLength = 50;
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Upper and lower case differ, since the name is quoted.
 *
 * @throws OptionError for anything but one or two names of letters, digits and _, 50 characters at most each.
 */
export function readTableName(option: string, value: string): TableName {
  const parts = typeof value === "string" ? value.split(".") : [];
  const sound = parts.every((part) => part.length <= maxLength && identifier.test(part));
  const name = parts.at(-1);
  if (name === undefined || parts.length > 2 || !sound) {
    const expected = `name or schema.name, of letters, digits and _, up to ${maxLength} characters each`;
    throw new OptionError(option, expected, value);
  }
  return { sql: parts.map((part) => `"${part}"`).join("."), name };
}
