/**
 * Owns the way of errors, and of what is logged, between threads. It never throws: what cannot be copied
 * becomes a text that says what it was.
 *
 * Structured clone alone would lose an error's class, its code and its own fields, and refuse the whole
 * of it because of one function in it.
 */
import { types } from "node:util";
import * as consumerErrors from "../consumer/errors.ts";
import { describe } from "../errors.ts";
import * as threadErrors from "./errors.ts";

/** A value on its way. Structured clone keeps identities, so that errors may refer to one another in circles. */
export type Packed =
  | { readonly as: "value"; readonly value: unknown }
  | { readonly as: "list"; readonly items: readonly Packed[] }
  | { readonly as: "record"; readonly fields: readonly PackedField[] }
  | PackedError
  /** The reason of the task's abort, which both sides have. */
  | { readonly as: "abortReason" };

type PackedField = readonly [name: string, value: Packed];

interface PackedError {
  readonly as: "error";
  name: string;
  message: string;
  stack: string | undefined;
  /** Keys, in the registry of symbols, of what marks an error as some library's own. */
  readonly brands: string[];
  readonly fields: PackedField[];
}

const abortReasonPlace: Packed = { as: "abortReason" };

/** How deep errors may lie in one another before the rest is text. */
const maxDepth = 50;

/** @param abortReason packed as itself, so that it is the very same object where it came from. */
export function pack(value: unknown, abortReason?: unknown): Packed {
  const seen = new Map<object, Packed>();
  if (typeof abortReason === "object" && abortReason !== null) {
    seen.set(abortReason, abortReasonPlace);
  }
  return packValue(value, seen, 0);
}

/**
 * What is given with a log line: an object whose fields may be errors. Those who write JavaScript give other
 * values, too.
 */
export function packFields(data: unknown): Packed {
  if (typeof data !== "object" || data === null || isError(data)) return pack(data);
  const seen = new Map<object, Packed>();
  return { as: "record", fields: [...packEntries(data, ownKeys(data), seen, 0)] };
}

/** @param abortReason what stands where {@link pack} left a place for it. */
export function unpack(packed: Packed, abortReason?: unknown): unknown {
  return unpackValue(packed, abortReason, new Map());
}

function packValue(value: unknown, seen: Map<object, Packed>, depth: number): Packed {
  if (typeof value === "function" || typeof value === "symbol") return asText(value);
  if (typeof value !== "object" || value === null) return { as: "value", value };
  const known = seen.get(value);
  if (known !== undefined) return known;
  if (depth > maxDepth) return asText(value);
  if (isError(value)) return packError(value, seen, depth);
  const list = listWithErrors(value);
  if (list !== undefined) {
    const items: Packed[] = [];
    const packed: Packed = { as: "list", items };
    seen.set(value, packed);
    for (const item of list) items.push(packValue(item, seen, depth + 1));
    return packed;
  }
  try {
    return { as: "value", value: structuredClone(value) };
  } catch {
    return asText(value);
  }
}

function packError(error: Error, seen: Map<object, Packed>, depth: number): Packed {
  const packed: PackedError = {
    as: "error",
    name: text(read(error, "name")) ?? "Error",
    message: text(read(error, "message")) ?? "",
    stack: text(read(error, "stack")),
    brands: brandsOf(error),
    fields: [],
  };
  seen.set(error, packed);
  const names = new Set(ownKeys(error));
  for (const name of ["cause", "errors", "code"]) {
    // Not enumerable, or, as a DOMException's code, not its own.
    if (read(error, name) !== undefined) names.add(name);
  }
  for (const name of ["name", "message", "stack"]) names.delete(name);
  packed.fields.push(...packEntries(error, names, seen, depth));
  return packed;
}

function* packEntries(
  object: object,
  names: Iterable<string>,
  seen: Map<object, Packed>,
  depth: number,
): Generator<PackedField> {
  for (const name of names) yield [name, packValue(read(object, name), seen, depth + 1)];
}

/** @param made what was made so far, so that errors that refer to one another do so again. */
function unpackValue(packed: Packed, abortReason: unknown, made: Map<Packed, unknown>): unknown {
  const known = made.get(packed);
  if (known !== undefined) return known;
  if (packed.as === "value") return packed.value;
  if (packed.as === "abortReason") return abortReason;
  if (packed.as === "list") {
    const list: unknown[] = [];
    made.set(packed, list);
    for (const item of packed.items) list.push(unpackValue(item, abortReason, made));
    return list;
  }
  const object = packed.as === "error" ? unpackError(packed) : {};
  made.set(packed, object);
  for (const [name, value] of packed.fields) {
    const enumerable = packed.as === "record" || (name !== "cause" && name !== "errors");
    define(object, name, unpackValue(value, abortReason, made), enumerable);
  }
  return object;
}

/** The error without its fields. */
function unpackError({ name, message, stack, brands }: PackedError): Error {
  const error = new Error(message);
  Object.setPrototypeOf(error, prototypeOf(name, brands));
  if (error.name !== name) define(error, "name", name, false);
  define(error, "stack", stack, false);
  for (const brand of brands) Object.defineProperty(error, Symbol.for(brand), { value: true });
  return error;
}

/** The classes whose errors stay `instanceof` them. Others are Errors of their name. */
const builtIns: ReadonlyMap<string, object> = prototypes([
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
]);
const ours: ReadonlyMap<string, object> = prototypes([
  ...Object.values(consumerErrors),
  ...Object.values(threadErrors),
]);

function prototypes(
  classes: readonly { readonly name: string; readonly prototype: object }[],
): ReadonlyMap<string, object> {
  return new Map(classes.map(({ name, prototype }) => [name, prototype]));
}

function prototypeOf(name: string, brands: readonly string[]): object {
  const known = brands.includes("millrace.error") ? ours : builtIns;
  return known.get(name) ?? Error.prototype;
}

/** An own symbol that is in the registry, and true: the way in which libraries mark what is theirs. */
function brandsOf(error: Error): string[] {
  try {
    return Object.getOwnPropertySymbols(error)
      .filter((symbol) => Reflect.get(error, symbol) === true)
      .map((symbol) => Symbol.keyFor(symbol))
      .filter((key) => key !== undefined);
  } catch {
    return [];
  }
}

function isError(value: object): value is Error {
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false; // A proxy that objects to being asked.
  }
}

/** The items of an array that has errors among them. */
function listWithErrors(value: object): readonly unknown[] | undefined {
  try {
    if (!Array.isArray(value)) return undefined;
    // By index: an array may well have an iterator of its own that throws.
    const items: readonly unknown[] = Array.from({ length: value.length }, (_, at) => value[at]);
    return items.some((item) => typeof item === "object" && item !== null && isError(item))
      ? items
      : undefined;
  } catch {
    return undefined;
  }
}

function ownKeys(object: object): readonly string[] {
  try {
    return Object.keys(object);
  } catch {
    return [];
  }
}

/** A property, or a text that says that it objects to being read. */
function read(object: object, name: string): unknown {
  try {
    return Reflect.get(object, name);
  } catch {
    return "(cannot be read)";
  }
}

function text(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  return describe(value);
}

function asText(value: unknown): Packed {
  return { as: "value", value: describe(value) };
}

function define(object: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, name, { value, enumerable, writable: true, configurable: true });
}
