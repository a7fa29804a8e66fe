/**
 * Owns the parsing of bodies: JSON, then the user's schema. It never decides what becomes of a message
 * whose body is refused.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isThenable } from "../errors.ts";
import { InvalidBodyError } from "./errors.ts";
import type { Message } from "./message.ts";
import { withBody } from "./message.ts";

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
  const issues = result.issues.map(describeIssue);
  throw new InvalidBodyError(`the body does not fit the schema: ${issues.join("; ")}`, issues);
}

function parse(rawBody: string): unknown {
  try {
    return JSON.parse(rawBody);
  } catch (error) {
    throw new InvalidBodyError("the body is not JSON", [], { cause: error });
  }
}

function describeIssue(issue: StandardSchemaV1.Issue): string {
  const path = issue.path?.map((part) => String(typeof part === "object" ? part.key : part));
  return path === undefined || path.length === 0
    ? issue.message
    : `${path.join(".")}: ${issue.message}`;
}
