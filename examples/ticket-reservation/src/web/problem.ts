/**
 * Owns what a client is told when something went wrong, in the form of RFC 9457, whatever went wrong. It never
 * tells of the inside of the server.
 */
import { STATUS_CODES } from "node:http";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { DatabaseUnavailableError } from "millrace/postgres";
import type { ClientConnections } from "./client-connections.ts";
import type { InputError, Problem } from "./shapes.ts";

/** Answers with a problem when it is thrown. */
export class ProblemError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Of the system: it cannot be found or reached, or the connection broke. */
const unreachable = /^(?:ECONN.*|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** Of Postgres: it goes down, has no connection left, or takes no writes since another does. */
const unavailable = /^(?:08...|57P0[1-5]|53300|25006)$/;

/** What `pg` says without a code: it did not answer in time, or the connection is none any more. */
const databaseAwayTexts =
  /^(?:Query read timeout|Connection terminated|timeout (?:expired|exceeded when trying to connect)|Client has encountered a connection error)/;

const retryAfterSeconds = 2;
const problemType = "application/problem+json";

/** Has every error of `app` answered by a problem, those of Fastify itself too. */
export function answerWithProblems(app: FastifyInstance, onFault: (error: Error) => void): void {
  app.addHook("onRequest", (request, _, done) => {
    const needsHost = request.raw.httpVersion === "1.1" && request.headers.host === undefined;
    done(needsHost ? new ProblemError(400, "the Host header is missing") : undefined);
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = isBrokenOff(request)
      ? newProblem(400, "the request broke off")
      : problemOf(error);
    if (problem.status >= 500) onFault(error);
    return send(reply, problem);
  });
  app.setNotFoundHandler((request, reply) =>
    send(reply, newProblem(404, `there is no ${request.method} ${pathOf(request)}`)),
  );
}

/** The answer to a request that Fastify has no route for to look at: a path with a broken escape. */
export function sendProblem(error: FastifyError, reply: FastifyReply): void {
  void send(reply, problemOf(error));
}

/** By the codes of Node's parser, and the server's; all else is a bad request. */
const noRequests: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request took too long to arrive"],
  HPE_HEADER_OVERFLOW: [431, "the headers are too large"],
};

/** Answers what Node cannot read as a request, if there is room for an answer, and cuts the connection off. */
export function refuseNoRequest(
  error: Error & { readonly code?: string },
  socket: Socket,
  connections: ClientConnections,
): void {
  if (connections.mayAnswer(socket) && error.code !== "ECONNRESET") {
    const [status, detail] = noRequests[error.code ?? ""] ?? [400, "this is no HTTP request"];
    const body = JSON.stringify(newProblem(status, detail));
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `content-type: ${problemType}; charset=utf-8`,
      `content-length: ${Buffer.byteLength(body)}`,
      "cache-control: no-store",
      "connection: close",
    ].join("\r\n");
    socket.write(`${head}\r\n\r\n${body}`);
    socket.destroySoon();
  } else {
    socket.destroy();
  }
}

/** Answers a request that expects of the server what it cannot do (RFC 9110, section 10.1.1). */
export function refuseExpectation(response: ServerResponse): void {
  const body = JSON.stringify(newProblem(417, "the only expectation there is is 100-continue"));
  response
    .writeHead(417, {
      "content-type": `${problemType}; charset=utf-8`,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
    })
    .end(body);
}

function send(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 503) void reply.header("retry-after", retryAfterSeconds);
  return reply
    .status(problem.status)
    .header("cache-control", "no-store")
    .type(problemType)
    .send(problem);
}

function problemOf(error: FastifyError | ProblemError): Problem {
  if (error instanceof ProblemError) return newProblem(error.status, error.message);
  if (error.validation !== undefined) {
    const errors = error.validation.map(({ instancePath, message = "is invalid", params }) => ({
      pointer: `${instancePath}${nameIn(params)}`,
      detail: message,
    }));
    return newProblem(400, `the ${error.validationContext ?? "input"} is invalid`, errors);
  }
  if (isDatabaseAway(error)) return newProblem(503, "the database is away for now");
  const { statusCode = 500 } = error;
  // What the framework says of a request is for its sender; what else fails is not.
  return statusCode >= 400 && statusCode < 500
    ? newProblem(statusCode, error.message)
    : newProblem(500);
}

function newProblem(status: number, detail?: string, errors?: readonly InputError[]): Problem {
  return {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    ...(detail !== undefined && { detail }),
    ...(errors !== undefined && { errors }),
  };
}

/** Its sender has gone before it was complete: nobody's fault here, and nobody reads the answer. */
function isBrokenOff({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete;
}

function isDatabaseAway(error: Error & { code?: string }): boolean {
  const { code = "", message } = error;
  return (
    error instanceof DatabaseUnavailableError ||
    unreachable.test(code) ||
    unavailable.test(code) ||
    databaseAwayTexts.test(message)
  );
}

/** What is missing, or should not be there. */
function nameIn(params: Readonly<Record<string, unknown>>): string {
  const name = params["missingProperty"] ?? params["additionalProperty"];
  return typeof name === "string" ? `/${name}` : "";
}

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0] ?? "";
}
