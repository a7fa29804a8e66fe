/**
 * Owns what the OpenAPI document says of answers: what each means, in which form it comes, and its headers. It never
 * answers.
 */
import { schemas } from "./shapes.ts";
import type { JsonSchema } from "./shapes.ts";

/** An answer in JSON. */
export function answer(
  description: string,
  schema: JsonSchema,
  headers?: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  return {
    description,
    content: { "application/json": { schema } },
    ...(headers !== undefined && { headers }),
  };
}

const problem = { "application/problem+json": { schema: schemas.problem } };
const retryAfter: JsonSchema = {
  type: "integer",
  description: "when to come again, in seconds; of a 503",
};

/** What went wrong, whatever it was. */
export const problemAnswer: JsonSchema = {
  description: "What went wrong (RFC 9457)",
  content: problem,
  headers: { "retry-after": retryAfter },
};

/** The server itself says that it is not up to it, or its database does by being away. */
export const unhealthyAnswer: JsonSchema = {
  description: "Degraded: changes are not heard of; or the database is away",
  content: { "application/json": { schema: schemas.health }, ...problem },
  headers: { "retry-after": retryAfter },
};

/** Each item is an event; its data is sent as JSON, on one line. */
export const streamAnswer: JsonSchema = {
  description: "Server-sent events, one after the other, for as long as the connection lasts",
  content: { "text/event-stream": { schema: schemas.streamEvents } },
};
