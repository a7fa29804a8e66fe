/**
 * Owns the root of every error this library throws, and the few that belong to no folder. It never
 * decides what is to be done about an error: that is the caller's, by `code`.
 */

// In the registry of symbols, so that it is the same in two copies of the library, where instanceof fails.
const brand = Symbol.for("millrace.error");

/**
 * The base of every error thrown by Millrace. Match on `code`, which is stable; `message` is for people.
 *
 * Data that belongs to an error are fields of its class; the error that led to it is its `cause`.
 */
export abstract class MillraceError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Whether `value` is an error of Millrace, also when another copy of the library threw it. */
  static is(value: unknown): value is MillraceError {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/** An option, or a set of them, that cannot work. Thrown by constructors, and only there. */
export class OptionError extends MillraceError {
  readonly code = "INVALID_OPTION";
  /** The option's name, `retry.baseSeconds` for a nested one. */
  readonly option: string;
  /** What was given. */
  readonly received: unknown;

  constructor(option: string, expected: string, received: unknown) {
    super(`${option} must be ${expected}; received ${describe(received)}`);
    this.option = option;
    this.received = received;
  }
}

/**
 * The Error in whatever was thrown. JavaScript throws anything: a string, undefined, an object whose
 * every property throws when read.
 */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`a value that is no Error was thrown: ${describe(thrown)}`, { cause: thrown });
}

/** A short text for any value at all, for messages; never throws. */
export function describe(value: unknown): string {
  try {
    switch (typeof value) {
      case "string":
        return JSON.stringify(clip(value));
      case "bigint":
        return `${value}n`;
      case "function":
        return `a function ${value.name}`.trimEnd();
      case "object":
        return describeObject(value);
      default:
        return clip(String(value));
    }
  } catch {
    return `a ${typeof value} that cannot be shown`;
  }
}

function describeObject(value: object | null): string {
  const name: unknown = Array.isArray(value) ? "Object" : value?.constructor?.name;
  if (typeof name === "string" && name !== "Object" && name !== "") return `an object ${name}`;
  return clip(JSON.stringify(value));
}

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
