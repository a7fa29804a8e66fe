/**
 * Owns message attributes: AWS's rules for them, their size, their MD5, and which of them a receive gets
 * to see. It never stores any.
 */
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import type { MessageAttributes, MessageAttributeValue } from "millrace";
import { hasIllegalCharacters, utf8Bytes } from "./limits.ts";
import { invalidValue, Refusal } from "./refusal.ts";

const maxAttributes = 10;
const attributeName = /^(?!.*\.\.)(?!\.)[\w.-]{1,256}(?<!\.)$/;
const reservedName = /^(?:aws|amazon)\./i;
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i;

/** Attributes that passed the rules. */
export interface CheckedAttributes {
  /** Undefined when there are none. */
  readonly values: MessageAttributes | undefined;
  /** What they count towards the size of the message: names, types and values. */
  readonly bytes: number;
}

const none: CheckedAttributes = { values: undefined, bytes: 0 };

/**
 * The attributes of a message that is sent, as a copy: binary values belong to the sender.
 *
 * See docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html.
 *
 * @throws Refusal
 */
export function checkAttributes(attributes: MessageAttributes | undefined): CheckedAttributes {
  if (attributes === undefined) return none;
  const names = Object.keys(attributes);
  if (names.length === 0) return none;
  if (names.length > maxAttributes) {
    throw invalid(
      `Number of message attributes [${names.length}] exceeds the allowed maximum [${maxAttributes}].`,
    );
  }
  // As entries, since assigning to a name like __proto__ would be no attribute.
  const values: [name: string, value: MessageAttributeValue][] = [];
  let bytes = 0;
  for (const name of names) {
    requireName(name);
    const { value, valueBytes } = checkValue(name, attributes[name] ?? {});
    values.push([name, value]);
    bytes += name.length + utf8Bytes(value.DataType ?? "") + valueBytes;
  }
  return { values: Object.fromEntries(values), bytes };
}

function requireName(name: string): void {
  if (reservedName.test(name)) {
    throw invalid(`Message (user) attribute name '${name}' starts with a prefix reserved by AWS.`);
  }
  if (!attributeName.test(name)) {
    throw invalid(
      `Message (user) attribute name '${name}' must have 1 to 256 letters, digits, periods, hyphens and underscores, and no period at either end or next to another.`,
    );
  }
}

function checkValue(
  name: string,
  given: MessageAttributeValue,
): { value: MessageAttributeValue; valueBytes: number } {
  const { DataType: dataType, StringValue: text, BinaryValue: binary } = given;
  if (dataType === undefined || dataType === "") {
    throw invalid(
      `The message attribute '${name}' must contain a non-empty message attribute type.`,
    );
  }
  const dot = dataType.indexOf(".");
  const type = dot < 0 ? dataType : dataType.slice(0, dot);
  const badLabel = dataType.length > 256 || hasIllegalCharacters(dataType);
  if (!(type === "String" || type === "Number" || type === "Binary") || badLabel) {
    throw invalid(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  if (type === "Binary") {
    if (binary === undefined || binary.length === 0 || text !== undefined) throw empty(name, type);
    return {
      value: { DataType: dataType, BinaryValue: Uint8Array.from(binary) },
      valueBytes: binary.length,
    };
  }
  if (text === undefined || text === "" || binary !== undefined) throw empty(name, type);
  if (hasIllegalCharacters(text)) {
    throw invalid(`The message attribute '${name}' contains characters outside the allowed set.`);
  }
  if (type === "Number" && !isNumber(text)) {
    throw invalid(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  }
  return { value: { DataType: dataType, StringValue: text }, valueBytes: utf8Bytes(text) };
}

/** A decimal of at most 38 digits, between 10^-128 and 10^126. */
function isNumber(text: string): boolean {
  if (!decimal.test(text)) return false;
  const [mantissa = ""] = text.split(/e/i, 1);
  const digits = mantissa.replace(/\D/g, "").replace(/^0+/, "");
  const magnitude = Math.abs(Number(text));
  return digits.length <= 38 && (digits === "" || (magnitude >= 1e-128 && magnitude <= 1e126));
}

/** The X-Ray header of a message that is sent: the one system attribute there is. */
export function checkTraceHeader(attributes: MessageAttributes | undefined): string | undefined {
  if (attributes === undefined) return undefined;
  let header: string | undefined;
  for (const [name, { DataType: dataType, StringValue: text }] of Object.entries(attributes)) {
    if (name !== "AWSTraceHeader") {
      throw invalidValue(
        name,
        "MessageSystemAttributes",
        "The only message system attribute is AWSTraceHeader.",
      );
    }
    if (dataType !== "String" || text === undefined || text === "") {
      throw invalid("The message system attribute AWSTraceHeader must be a non-empty String.");
    }
    header = text;
  }
  return header;
}

/**
 * AWS's digest of attributes, which its SDKs verify: of each, in order of name, the name, the type, one
 * byte that says how the value travels, and the value, each but the byte after its length.
 *
 * See "Calculating the MD5 message digest for message attributes" in the developer guide.
 */
export function attributesMd5(attributes: MessageAttributes): string {
  const parts: Uint8Array[] = [];
  const add = (bytes: Uint8Array): void => {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  };
  for (const name of Object.keys(attributes).toSorted()) {
    const { DataType: type = "", StringValue: text, BinaryValue: binary } = attributes[name] ?? {};
    add(Buffer.from(name));
    add(Buffer.from(type));
    parts.push(binary === undefined ? stringTransport : binaryTransport);
    add(binary ?? Buffer.from(text ?? ""));
  }
  return hash("md5", Buffer.concat(parts));
}

const stringTransport = Uint8Array.of(1);
const binaryTransport = Uint8Array.of(2);

/** Which message attributes a receive asked for. */
export type AttributeSelection = "none" | "all" | AttributeFilter;

interface AttributeFilter {
  readonly names: ReadonlySet<string>;
  readonly prefixes: readonly string[];
}

/** Reads MessageAttributeNames: names, `All`, `.*` for all as well, and `prefix.*`. */
export function selectAttributes(names: readonly string[] | undefined): AttributeSelection {
  if (names === undefined || names.length === 0) return "none";
  const exact = new Set<string>();
  const prefixes: string[] = [];
  for (const name of names) {
    if (name === "All" || name === ".*") return "all";
    if (name.endsWith(".*")) prefixes.push(name.slice(0, -2));
    else exact.add(name);
  }
  return { names: exact, prefixes };
}

/**
 * What a receive gets to see of a message's attributes: a copy that it may write to, or undefined when
 * none of them was asked for.
 */
export function pickAttributes(
  attributes: MessageAttributes,
  selection: AttributeSelection,
): MessageAttributes | undefined {
  if (selection === "none") return undefined;
  const picked: [name: string, value: MessageAttributeValue][] = [];
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    if (value === undefined || (selection !== "all" && !matches(name, selection))) continue;
    const { BinaryValue: binary } = value;
    picked.push([name, binary === undefined ? value : { ...value, BinaryValue: binary.slice() }]);
  }
  return picked.length > 0 ? Object.fromEntries(picked) : undefined;
}

function matches(name: string, { names, prefixes }: AttributeFilter): boolean {
  return names.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}

function invalid(text: string): Refusal {
  return new Refusal("InvalidParameterValue", text);
}

function empty(name: string, type: string): Refusal {
  return invalid(
    `Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`,
  );
}
