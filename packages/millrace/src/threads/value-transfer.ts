/**
 * Owns the way of errors, and of what is logged, between threads. It never throws: what cannot be copied
 * becomes a text that says what it was.
 *
 * Structured clone alone would lose an error's class, its code and its own fields, and refuse the whole
 * of it because of one function in it. So plain objects, arrays and errors are gone through, and only what else
 * they hold is left to it.
 */
import { types } from "node:util";
import * as consumerErrors from "../consumer/errors.ts";
import { describe, MillraceError, OptionError } from "../errors.ts";
import * as threadErrors from "./errors.ts";

/** A value on its way. Structured clone keeps identities, so that what is packed may refer to itself in circles. */
export type Packed =
  | Primitive
  | { readonly as: "value"; readonly value: unknown }
  | { readonly as: "list"; readonly items: readonly Packed[] }
  | { readonly as: "record"; readonly fields: readonly PackedField[] }
  | PackedError
  /** The reason of the task's abort, which both sides have. */
  | { readonly as: "abortReason" };

/** Travels as it is. */
type Primitive = string | number | bigint | boolean | null | undefined;

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

/** How deep a value is gone through. Below that errors are text, and the rest is left to structured clone. */
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
  return packRecord(data, ownKeys(data) ?? [], new Map(), 0);
}

/** @param abortReason what stands where {@link pack} left a place for it. */
export function unpack(packed: Packed, abortReason?: unknown): unknown {
  return unpackValue(packed, abortReason, new Map());
}

function packValue(value: unknown, seen: Map<object, Packed>, depth: number): Packed {
  if (isPrimitive(value)) return value;
  if (typeof value !== "object") return describe(value);
  const known = seen.get(value);
  if (known !== undefined) return known;
  if (isError(value)) return depth > maxDepth ? describe(value) : packError(value, seen, depth);
  const within = depth <= maxDepth;
  const length = within ? lengthOfList(value) : undefined;
  if (length !== undefined) return packList(value, length, seen, depth);
  const names = within ? keysOfRecord(value) : undefined;
  if (names !== undefined) return packRecord(value, names, seen, depth);
  const packed = packWhole(value);
  seen.set(value, packed);
  return packed;
}

function isPrimitive(value: unknown): value is Primitive {
  const type = typeof value;
  return value === null || (type !== "object" && type !== "function" && type !== "symbol");
}

/** What is left to structured clone. */
function packWhole(value: object): Packed {
  try {
    return { as: "value", value: structuredClone(value) };
  } catch {
    return describe(value);
  }
}

function packList(list: object, length: number, seen: Map<object, Packed>, depth: number): Packed {
  const items: Packed[] = [];
  const packed: Packed = { as: "list", items };
  seen.set(list, packed);
  // By index: an array may well have an iterator of its own that throws.
  for (let at = 0; at < length; at++) items.push(packValue(read(list, at), seen, depth + 1));
  return packed;
}

function packRecord(
  object: object,
  names: readonly string[],
  seen: Map<object, Packed>,
  depth: number,
): Packed {
  const fields: PackedField[] = [];
  const packed: Packed = { as: "record", fields };
  seen.set(object, packed);
  packEntries(object, names, fields, seen, depth);
  return packed;
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
  const names = new Set(ownKeys(error) ?? []);
  for (const name of ["cause", "errors", "code"]) {
    // Not enumerable, or, as a DOMException's code, not its own.
    if (read(error, name) !== undefined) names.add(name);
  }
  for (const name of ["name", "message", "stack"]) names.delete(name);
  packEntries(error, names, packed.fields, seen, depth);
  return packed;
}

function packEntries(
  object: object,
  names: Iterable<string>,
  fields: PackedField[],
  seen: Map<object, Packed>,
  depth: number,
): void {
  for (const name of names) fields.push([name, packValue(read(object, name), seen, depth + 1)]);
}

/** @param made what was made so far, so that what referred to one another does so again. */
function unpackValue(packed: Packed, abortReason: unknown, made: Map<Packed, unknown>): unknown {
  if (isPrimitive(packed)) return packed;
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

/**
 * The classes whose errors stay `instanceof` them. Others of JavaScript and of users are Errors of their name, others of
 * Millrace MillraceErrors: their classes belong to parts that a thread, and who uses threads, may well do without.
 */
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
  OptionError,
  ...Object.values(consumerErrors),
  ...Object.values(threadErrors),
]);

function prototypes(
  classes: readonly { readonly name: string; readonly prototype: object }[],
): ReadonlyMap<string, object> {
  return new Map(classes.map(({ name, prototype }) => [name, prototype]));
}

function prototypeOf(name: string, brands: readonly string[]): object {
  if (brands.includes("millrace.error")) return ours.get(name) ?? MillraceError.prototype;
  return builtIns.get(name) ?? Error.prototype;
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

/** Undefined for what is no array. */
function lengthOfList(value: object): number | undefined {
  try {
    return Array.isArray(value) ? value.length : undefined;
  } catch {
    return undefined; // A proxy that was revoked.
  }
}

/** The names of a plain object's fields; undefined for anything else, which has more to it than those. */
function keysOfRecord(value: object): readonly string[] | undefined {
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    const plain = prototype === Object.prototype || prototype === null;
    return plain ? ownKeys(value) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when it objects to being asked. */
function ownKeys(object: object): readonly string[] | undefined {
  try {
    return Object.keys(object);
  } catch {
    return undefined;
  }
}

/** A property, or a text that says that it objects to being read. */
function read(object: object, name: string | number): unknown {
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

function define(object: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, name, { value, enumerable, writable: true, configurable: true });
}
