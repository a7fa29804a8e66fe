/**
 * Owns the checks that options of every part have in common. It never knows an option's meaning or default.
 */
import { OptionError } from "./errors.ts";

/**
 * @param name how the object itself is called, when it is an option too: its members' names follow with a dot.
 * @throws OptionError when `options` is no object, or has a member whose name is not `known`.
 */
export function checkOptionNames(options: object, known: ReadonlySet<string>, name?: string): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new OptionError(name ?? "options", "an object", options);
  }
  for (const member of Object.keys(options)) {
    if (known.has(member)) continue;
    const option = name === undefined ? member : `${name}.${member}`;
    const expected = "left out: there is no such option";
    throw new OptionError(option, expected, Reflect.get(options, member));
  }
}

/** @throws OptionError when `value` is no function. */
export function requireFunction(option: string, value: unknown): void {
  if (typeof value !== "function") throw new OptionError(option, "a function", value);
}

/** @throws OptionError when `value` is no number from `min` to `max`; a whole one, if so wanted. */
export function requireNumber(
  option: string,
  value: unknown,
  { min, max, whole = false }: { min: number; max: number; whole?: boolean },
): void {
  const sound = typeof value === "number" && value >= min && value <= max;
  if (sound && (!whole || Number.isInteger(value))) return;
  throw new OptionError(option, `a ${whole ? "whole " : ""}number from ${min} to ${max}`, value);
}

/**
 * @param expected what has such methods, for the error.
 * @throws OptionError when `value` lacks one of the `methods`.
 */
export function requireMethods(
  option: string,
  value: unknown,
  methods: readonly string[],
  expected: string,
): void {
  if (!hasMethods(value, methods)) throw new OptionError(option, expected, value);
}

/**
 * Functions and classes are refused, though each has a method named `call`: that of Function.prototype.
 *
 * @throws OptionError when `value` is no SqsApi.
 */
export function requireSqs(value: unknown): void {
  if (typeof value === "object" && hasMethods(value, ["call"])) return;
  throw new OptionError("sqs", "an SqsApi: new HttpSqs(…) or fromSdk(…)", value);
}

/**
 * As {@link requireMethods}, of a value whose settings hold credentials: what is wrong may be nothing but them, as
 * where a database's URL was given in place of a pool, and the error says no more than what kind of value it was.
 */
export function requireMethodsUnshown(
  option: string,
  value: unknown,
  methods: readonly string[],
  expected: string,
): void {
  if (hasMethods(value, methods)) return;
  const isEmpty = value === undefined || value === null;
  throw new OptionError(option, expected, isEmpty ? value : `(not shown: ${typeof value})`);
}

/** Whether `value` is an object or a function that has all these methods. Never throws. */
export function hasMethods(value: unknown, methods: readonly string[]): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  try {
    return methods.every((name) => typeof Reflect.get(value, name) === "function");
  } catch {
    // A getter or a proxy that objects to being asked: then it cannot be used either.
    return false;
  }
}

/** @throws OptionError when `value` is no Clock. */
export function requireClock(value: unknown): void {
  requireMethods("clock", value, ["now", "monotonicMs", "setTimer"], "a Clock");
}

/** @throws OptionError when `value` is no deadline of a request: above 0, an hour at most. */
export function requireDeadline(option: string, value: unknown): void {
  if (typeof value === "number" && value > 0 && value <= 3_600_000) return;
  throw new OptionError(option, "more than 0 and at most 3,600,000 ms", value);
}
