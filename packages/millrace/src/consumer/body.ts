/**
 * Owns the parsing of bodies: JSON, then the user's schema. It never decides what becomes of a message
 * whose body is refused.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isThenable } from "../errors.ts";
import { InvalidBodyError } from "./errors.ts";
import type { Message } from "./message.ts";
import { withBody } from "./message.ts";

/** Issues that are told of one body. Their number, their paths and what they quote are the sender's to choose. */
const maxIssues = 10;
/** Characters of an issue. */
const maxIssueLength = 200;
/** Steps of a path. */
const maxPathLength = 20;

/**
 * Makes the message that the handler gets; it may throw or reject. It answers at once when the schema
 * does, since order by a key that is part of the body waits for the answer.
 */
export type ReadBody<Body> = (message: Message<unknown>) => Message<Body> | Promise<Message<Body>>;

/**
 * The reader for a schema, any that follows the Standard Schema specification (standardschema.dev).
 * It fails with {@link InvalidBodyError} when the body is no JSON or not what the schema wants, and
 * with whatever the schema itself throws.
 */
export function readerFor<Body>(schema: StandardSchemaV1<unknown, Body>): ReadBody<Body> {
  return (message) => {
    const result = schema["~standard"].validate(parse(message.rawBody));
    // Promise.resolve: a thenable of the schema's own may call back twice, or throw.
    if (isThenable(result)) return Promise.resolve(result).then((later) => fit(message, later));
    return fit(message, result);
  };
}

function fit<Body>(
  message: Message<unknown>,
  result: StandardSchemaV1.Result<Body>,
): Message<Body> {
  if (result.issues === undefined) return withBody(message, result.value);
  throw refusal(result.issues);
}

function parse(rawBody: string): unknown {
  try {
    return JSON.parse(rawBody);
  } catch (error) {
    throw new InvalidBodyError("the body is not JSON", [], { cause: error });
  }
}

function refusal(found: readonly StandardSchemaV1.Issue[]): InvalidBodyError {
  const issues = found.slice(0, maxIssues).map(describeIssue);
  const more = found.length > maxIssues ? `; and ${found.length - maxIssues} more` : "";
  const text = `the body does not fit the schema: ${issues.join("; ")}${more}`;
  return new InvalidBodyError(text, issues);
}

function describeIssue({ message, path = [] }: StandardSchemaV1.Issue): string {
  const steps = path.slice(0, maxPathLength).map(describeStep);
  const more = path.length > maxPathLength ? ["…"] : [];
  return oneLine(path.length === 0 ? message : `${[...steps, ...more].join(".")}: ${message}`);
}

function describeStep(step: PropertyKey | StandardSchemaV1.PathSegment): string {
  return oneLine(String(typeof step === "object" ? step.key : step));
}

/** Short, and without line breaks and control characters, by which a sender could write into logs what was never logged. */
function oneLine(text: string): string {
  const line = text.slice(0, maxIssueLength).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
  return text.length > maxIssueLength ? `${line}…` : line;
}
