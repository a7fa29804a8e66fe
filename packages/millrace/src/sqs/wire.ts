/**
 * Owns the wire format: AWS JSON 1.0, inputs to bytes, answers and errors to objects. It never sends, and
 * never judges a value beyond its type.
 */
import type { IncomingHttpHeaders } from "node:http";
import { toError } from "../errors.ts";
import { checkedAnswer, hasNoOutput, isRecord } from "./answer-shape.ts";
import type { SqsInput, SqsOperation, SqsOutput } from "./api.ts";
import { SqsRequestError, SqsResponseError, SqsServiceError } from "./errors.ts";
import type { SqsError } from "./errors.ts";
import type { Answer } from "./exchange.ts";
import { publicText } from "./redaction.ts";

/** An input as JSON, binary values as base64. */
export function encodeInput<O extends SqsOperation>(operation: O, input: SqsInput<O>): Uint8Array {
  let json: string | undefined;
  try {
    json = JSON.stringify(toWire(input));
  } catch (error) {
    const cause = toError(error);
    throw new SqsRequestError(`${operation}: the input is no JSON: ${cause.message}`, operation, {
      cause,
    });
  }
  if (json === undefined) {
    throw new SqsRequestError(`${operation}: the input is no JSON: it is no object`, operation);
  }
  return Buffer.from(json);
}

/** Only sends hold binary values; every other input is on the wire as it is here. */
function toWire(input: unknown): unknown {
  if (!isRecord(input)) return undefined;
  if ("MessageBody" in input) return withBase64(input);
  const entries: unknown = input["Entries"];
  if (!Array.isArray(entries) || !entries.some(holdsBinary)) return input;
  return { ...input, Entries: entries.map(withBase64) };
}

function holdsBinary(message: unknown): boolean {
  return (
    isRecord(message) &&
    (hasBinary(message["MessageAttributes"]) || hasBinary(message["MessageSystemAttributes"]))
  );
}

function hasBinary(attributes: unknown): boolean {
  if (!isRecord(attributes)) return false;
  return Object.values(attributes).some((value) => isRecord(value) && "BinaryValue" in value);
}

function withBase64(message: unknown): unknown {
  if (!isRecord(message) || !holdsBinary(message)) return message;
  return {
    ...message,
    MessageAttributes: encodeAttributes(message["MessageAttributes"]),
    MessageSystemAttributes: encodeAttributes(message["MessageSystemAttributes"]),
  };
}

function encodeAttributes(attributes: unknown): unknown {
  if (!isRecord(attributes)) return attributes;
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, encodeValue(value)]),
  );
}

function encodeValue(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const bytes = value["BinaryValue"];
  if (!(bytes instanceof Uint8Array)) return value;
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return { ...value, BinaryValue: base64 };
}

/**
 * The output in an answer of status 200.
 *
 * @throws SqsResponseError when it is not what the operation answers.
 */
export function decodeOutput<O extends SqsOperation>(operation: O, answer: Answer): SqsOutput<O> {
  const nothing = answer.text === "" && hasNoOutput(operation);
  const body = nothing ? {} : parseJson(answer.text);
  if (!isRecord(body)) throw notSqs(operation, answer);
  return checkedAnswer(operation, body);
}

/** The error in an answer of any other status. */
export function decodeError(
  operation: string,
  answer: Answer,
  secrets: readonly (string | undefined)[],
): SqsError {
  const { statusCode, headers } = answer;
  const body = parseJson(answer.text);
  const fields = isRecord(body) ? body : {};
  const [queryName, fault] = (header(headers, "x-amzn-query-error") ?? "").split(";");
  const errorName =
    nameIn(fields["__type"]) ??
    nameIn(header(headers, "x-amzn-errortype")) ??
    nameIn(fields["code"]) ??
    nameIn(fields["Code"]) ??
    nameIn(queryName);
  if (errorName === undefined) return notSqs(operation, answer);
  const text = [fields["message"], fields["Message"]].find((part) => typeof part === "string");
  return new SqsServiceError({
    operation,
    errorName,
    text: publicText(text ?? "", secrets),
    statusCode,
    senderFault: fault === undefined || fault === "" ? statusCode < 500 : fault === "Sender",
    requestId: header(headers, "x-amzn-requestid") ?? header(headers, "x-amz-request-id"),
  });
}

/** An error's bare name: `com.amazonaws.sqs#QueueDoesNotExist` and `QueueDoesNotExist:http://…` both have one. */
function nameIn(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  return /^(?:[^#]*#)?([A-Za-z][\w.]{0,127})(?::|$)/.exec(value)?.[1];
}

function notSqs(operation: string, answer: Answer): SqsResponseError {
  const { statusCode, headers, text } = answer;
  const type = publicText(header(headers, "content-type") ?? "no content type");
  // The text itself stays out: it may hold messages.
  const what =
    statusCode >= 300 && statusCode < 400
      ? `a redirect (HTTP ${statusCode}), which is not followed`
      : `HTTP ${statusCode} with ${text.length} characters of ${type}`;
  return new SqsResponseError(`${operation}: the answer is not SQS's: ${what}`, operation);
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
