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

/** An option, or a set of them, that cannot work. Thrown by whatever takes the option, before anything is done. */
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
 * The Error in whatever was thrown, with a message that can be read. JavaScript throws anything: a
 * string, undefined, an object whose every property throws when read.
 */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === "string") return thrown;
  } catch {
    // A proxy, or an Error with a getter, that objects to being asked: wrapped like any other value.
  }
  return new Error(`a value that is no Error was thrown: ${describe(thrown)}`, { cause: thrown });
}

/**
 * Reports what `value` rejects with, if it is a promise or anything else with a `then`. User
 * code that is to answer at once may be an async function all the same, and nobody awaits it.
 */
export function onRejection(value: unknown, report: (thrown: unknown) => void): void {
  try {
    // Promise.resolve: a thenable of the user's own may call back twice, or throw.
    if (isThenable(value)) Promise.resolve(value).catch(report);
  } catch (thrown) {
    report(thrown);
  }
}

/** Whether `value` is a promise, or looks like one. It may throw where a proxy objects to being asked. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}

/**
 * A short text for any value at all, for messages; never throws. What is named as a secret, and the user in a
 * URL, are not shown.
 */
export function describe(value: unknown): string {
  try {
    switch (typeof value) {
      case "string":
        return JSON.stringify(clip(withoutUser(value)));
      case "bigint":
        return clip(`${value}n`);
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
  return clip(JSON.stringify(value, withoutSecrets));
}

/** Options in the wrong place are shown in messages, and credentials may be among them. */
function withoutSecrets(key: string, value: unknown): unknown {
  if (/secret|token|password|credential|connection_?string/i.test(key)) return "(not shown)";
  return typeof value === "string" ? withoutUser(value) : value;
}

/**
 * A text in which URLs have lost their user and password. Up to the last @ of a word: a password that holds a
 * slash makes a URL that cannot be read, and is shown for it.
 */
export function withoutUser(text: string): string {
  // Most have neither, and some are long.
  if (!text.includes("@") || !text.includes("//")) return text;
  return text.replaceAll(/\S+/g, (word) => {
    const from = word.indexOf("//") + 2;
    const to = word.lastIndexOf("@");
    return from < 2 || to < from ? word : `${word.slice(0, from)}(not shown)${word.slice(to)}`;
  });
}

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
