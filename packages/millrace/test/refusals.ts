/**
 * Owns what the tests of options have in common: tables of nonsense, and what a refusal looks like. It never
 * knows an option.
 */
import { OptionError } from "millrace";
import { expect } from "vitest";

/** Values by option; nested ones are named with a dot. */
export type Nonsense = Readonly<Record<string, readonly unknown[]>>;

/** Nonsense for a whole number or a duration, whatever its bounds. */
export const noNumbers: readonly unknown[] = [
  null,
  Number.NaN,
  -1,
  Infinity,
  "10",
  "",
  10n,
  true,
  [5],
  {},
  new Date(5),
  { valueOf: () => 5 },
];

/** Nonsense for a clock. */
export const noClocks: readonly unknown[] = [null, Date, {}, { now: () => 0 }, prickly()];

/** Nonsense for a function. */
export const noFunctions: readonly unknown[] = [null, 0.5, "random", {}];

/** Throws whatever it is asked for. */
export function prickly(): object {
  const refuse = (): never => {
    throw new Error("hands off");
  };
  return new Proxy({}, { get: refuse, ownKeys: refuse, has: refuse, getPrototypeOf: refuse });
}

/** A row for each value. The value itself stays out of the row, since a test's name is made by reading it. */
export function rows(
  nonsense: Nonsense,
): { readonly option: string; readonly nth: number; readonly value: () => unknown }[] {
  return Object.entries(nonsense).flatMap(([option, values]) =>
    values.map((value, nth) => ({ option, nth, value: () => value })),
  );
}

/** `{ batch: { maxSize: 11 } }` for `batch.maxSize` and 11. */
export function nested(option: string, value: unknown): Record<string, unknown> {
  const [outer = "", inner] = option.split(".");
  return { [outer]: inner === undefined ? value : { [inner]: value } };
}

/** Expects `make` to refuse `option`, and to say so with the value. */
export function expectRefusal(make: () => unknown, option: string, value: unknown): void {
  let thrown: unknown;
  try {
    make();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(OptionError);
  expect(thrown).toMatchObject({ code: "INVALID_OPTION", option });
  const { message, received } = thrown as OptionError;
  expect(Object.is(received, value), "the value itself is in the error").toBe(true);
  expect(message).toMatch(/ must be .*; received ./);
  expect(message.length).toBeLessThan(400);
}
