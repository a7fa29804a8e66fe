/**
 * Owns how a request of AWS JSON 1.0 is read from HTTP: its operation and the bytes of its body. It
 * never looks into the body.
 */
import type { IncomingMessage } from "node:http";
import { SqsServiceError } from "millrace";
import type { SqsOperation } from "millrace";
import { isOperation } from "./wire.ts";

/** Of requests and answers. */
export const contentType = "application/x-amz-json-1.0";

const targetPrefix = "AmazonSQS.";

/**
 * The largest body that is read. A batch holds 1 MiB, and escapes in JSON make up to six bytes of one
 * (`\u0001`); the rest is names and handles.
 */
const maxBodyBytes = 8 * 1024 * 1024;

/**
 * The operation that a request asks for.
 *
 * @throws SqsServiceError when the request is not one of AWS JSON 1.0 for an operation there is.
 */
export function operationOf(request: IncomingMessage): SqsOperation {
  if (request.method !== "POST") {
    throw refusal("UnknownOperationException", "This is a local SQS: it takes POST only.", 405);
  }
  const given = request.headers["content-type"] ?? "";
  if (given.split(";", 1)[0]?.trim().toLowerCase() !== contentType) {
    const text = `This local SQS speaks AWS JSON 1.0: the content type must be ${contentType}.`;
    throw refusal("UnsupportedMediaTypeException", text, 415);
  }
  const target = request.headers["x-amz-target"];
  if (typeof target === "string" && target.startsWith(targetPrefix)) {
    const name = target.slice(targetPrefix.length);
    if (isOperation(name)) return name;
  }
  throw refusal(
    "UnknownOperationException",
    `The header x-amz-target must be ${targetPrefix} and the name of an operation.`,
  );
}

/**
 * The body of a request, or undefined when its client left before the end.
 *
 * @throws SqsServiceError when it is too large.
 */
export function readBody(request: IncomingMessage, operation: string): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) {
        chunks.push(chunk);
        return;
      }
      // The rest is still read, and dropped: a client that is writing would not see an answer.
      chunks.length = 0;
    });
    request.once("end", () => {
      if (bytes > maxBodyBytes) {
        const text = `The body has ${bytes} bytes; at most ${maxBodyBytes} are read.`;
        reject(refusal("RequestEntityTooLargeException", text, 413, operation));
        return;
      }
      const [only] = chunks;
      resolve(chunks.length === 1 ? only : Buffer.concat(chunks, bytes));
    });
    // After "end" it settles nothing any more.
    request.once("close", () => resolve(undefined));
  });
}

function refusal(
  errorName: string,
  text: string,
  statusCode = 400,
  operation = "the request",
): SqsServiceError {
  return new SqsServiceError({ operation, errorName, text, statusCode, senderFault: true });
}
