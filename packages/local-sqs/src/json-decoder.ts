/**
 * Owns how the JSON of a request becomes values of known types, member by member. It never judges a
 * value beyond its type, and knows no operation.
 */

/** Makes a `T` of a JSON value, or throws a {@link TypeMismatch}; `name` is the member it stands in. */
export type Decode<T> = (value: unknown, name: string) => T;

/** A body that is no JSON object, or a member of the wrong type, or none where one must be. */
export class TypeMismatch extends Error {
  readonly missing: boolean;

  constructor(message: string, missing: boolean) {
    super(message);
    this.missing = missing;
  }
}

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The JSON object in a body.
 *
 * @throws TypeMismatch
 */
export function parseObject(body: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(textDecoder.decode(body));
  } catch {
    // What the parser says quotes the body, which is the user's data.
    throw new TypeMismatch("the body must be JSON in UTF-8", false);
  }
  if (!isObject(value)) throw new TypeMismatch("the body must be a JSON object", false);
  return value;
}

function mismatch(name: string, expected: string, received: unknown): TypeMismatch {
  if (received === undefined || received === null) {
    return new TypeMismatch(`The request must contain the parameter ${name}.`, true);
  }
  const actual = Array.isArray(received) ? "a list" : `of type ${typeof received}`;
  return new TypeMismatch(`${name} must be ${expected} and is ${actual}`, false);
}

export const text: Decode<string> = (value, name) => {
  if (typeof value !== "string") throw mismatch(name, "a string", value);
  return value;
};

export const integer: Decode<number> = (value, name) => {
  if (!Number.isSafeInteger(value) || typeof value !== "number") {
    throw mismatch(name, "an integer", value);
  }
  return value;
};

export const binary: Decode<Uint8Array> = (value, name) => {
  const encoded = text(value, name);
  // Buffer skips whatever is not base64, and would make something of anything.
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) {
    throw new TypeMismatch(`${name} must be base64`, false);
  }
  return Buffer.from(encoded, "base64");
};

export function optional<T>(decode: Decode<T>): Decode<T | undefined> {
  return (value, name) => (value === undefined || value === null ? undefined : decode(value, name));
}

export function list<T>(decode: Decode<T>): Decode<readonly T[]> {
  return (value, name) => {
    if (!Array.isArray(value)) throw mismatch(name, "a list", value);
    return value.map((entry) => decode(entry, name));
  };
}

export function map<T>(decode: Decode<T>): Decode<Readonly<Record<string, T>>> {
  return (value, name) =>
    // fromEntries defines properties, so that a key "__proto__" is a key like any other.
    Object.fromEntries(
      Object.entries(object(value, name)).map(([key, entry]) => [key, decode(entry, key)]),
    );
}

export function structure<T extends object>(members: {
  readonly [Name in keyof T]-?: Decode<T[Name]>;
}): Decode<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the members are an object literal of T's keys
  const names = Object.keys(members) as (keyof T & string)[];
  return (value, name) => {
    const source = object(value, name);
    const result: Partial<T> = {};
    for (const member of names) {
      const decoded = members[member](source[member], member);
      if (decoded !== undefined) result[member] = decoded;
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every member was decoded, and is left out only where T allows undefined
    return result as T;
  };
}

function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw mismatch(name, "an object", value);
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
