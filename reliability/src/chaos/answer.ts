/**
 * Owns HTTP answers as the proxy handles them, whole: those of SQS, and those that are made up. It never
 * writes one to a socket.
 */
import type { Random } from "millrace";
import type { FaultKind } from "./faults.ts";

export interface Answer {
  readonly statusCode: number;
  /** Name, value, name, value; without what frames the body. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Faults that consist of an answer made up by the proxy, the request never reaching SQS. */
type MadeUp = Extract<
  FaultKind,
  "internalError" | "unavailable" | "throttled" | "expiredToken" | "html"
>;

export const madeUpAnswers: Readonly<Record<MadeUp, Answer>> = {
  internalError: refusal(500, "com.amazon.coral.service#InternalFailure", "InternalFailure"),
  unavailable: plain(
    503,
    "text/plain",
    "upstream connect error or disconnect/reset before headers",
  ),
  throttled: refusal(400, "com.amazonaws.sqs#RequestThrottled", "RequestThrottled", "Sender"),
  expiredToken: refusal(
    403,
    "com.amazon.coral.service#ExpiredTokenException",
    "ExpiredToken",
    "Sender",
  ),
  html: plain(
    200,
    "text/html",
    "<!doctype html><title>Welcome</title><p>Accept the terms of this network to go on.",
  ),
};

/** A 200 whose body is nothing at all. */
export function garbage(random: Random): Answer {
  const body = Buffer.from(Array.from({ length: 64 }, () => Math.floor(random() * 256)));
  return { statusCode: 200, headers: ["content-type", "application/x-amz-json-1.0"], body };
}

/** An error as AWS JSON 1.0 has it. */
function refusal(
  statusCode: number,
  type: string,
  queryName: string,
  fault: "Sender" | "Receiver" = "Receiver",
): Answer {
  const body = JSON.stringify({ __type: type, message: "This fault was injected." });
  const headers = [
    "content-type",
    "application/x-amz-json-1.0",
    "x-amzn-query-error",
    `${queryName};${fault}`,
  ];
  return { statusCode, headers, body: Buffer.from(body) };
}

function plain(statusCode: number, type: string, text: string): Answer {
  return { statusCode, headers: ["content-type", type], body: Buffer.from(text) };
}
