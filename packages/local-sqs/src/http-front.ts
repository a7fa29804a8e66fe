/**
 * Owns the HTTP in front of a SqsService: sockets, requests, answers, and what becomes of an answer that
 * nobody is left to read. It never knows what an operation means.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate } from "node:timers";
import { SqsServiceError } from "millrace";
import type { SqsOperation, SqsOutput } from "millrace";
import { contentType, operationOf, readBody } from "./http-request.ts";
import { ListenError } from "./listen-error.ts";
import type { SqsService } from "./service.ts";
import type { SignatureVerifier } from "./signature.ts";
import { decodeInput, encodeOutput } from "./wire.ts";
import { encodeError } from "./wire-errors.ts";

/** Messages that were handed to a request, for as long as it is not certain that its client has them. */
interface Handed {
  readonly queueUrl: string;
  readonly receiptHandles: readonly string[];
}

/** A client's connection, and what is under way on it. */
interface Connection {
  /** Aborts when it closes. One for all its requests: making one is a good part of what a request costs. */
  readonly signal: AbortSignal;
  /** Of answers that have not all reached the system's socket. Written by #serve. */
  readonly handed: Set<Handed>;
}

/** Longer than clients keep idle connections, so that it is they who close them. */
const keepAliveTimeoutMs = 75_000;

const failureName = "InternalFailure";

/** The reason that calls are aborted with. */
const hungUp: Error = new Error("the client hung up");

/**
 * One listening server.
 *
 * A request is `reading` until its body is complete, `calling` until the service has answered,
 * `answering` until the answer is with the system's socket, then `done`. When its connection closes
 * before that, it is `gone`: from reading nothing has happened; from calling the call is aborted, and
 * a waiting receive takes no message; from answering, messages on their way are made visible again.
 */
export class HttpFront {
  readonly #service: SqsService;
  readonly #verifier: SignatureVerifier | undefined;
  readonly #server: Server;
  readonly #connections = new WeakMap<Socket, Connection>();
  readonly #counts = new Map<SqsOperation, number>();
  /** Requests between their first byte and their end. Written by #begin. */
  readonly #running = new Set<Promise<void>>();
  readonly #idPrefix: string;
  /** Written by #requestId. */
  #lastId = 0;
  /** The last `date` header and the second it stands for; written by #date. */
  #dated: { readonly second: number; readonly header: string } = { second: -1, header: "" };
  /** Written by {@link stop}, once. */
  #stopped: Promise<void> | undefined;

  constructor(service: SqsService, verifier: SignatureVerifier | undefined) {
    this.#service = service;
    this.#verifier = verifier;
    this.#idPrefix = hex(Math.floor(service.random() * 2 ** 32), 8);
    this.#server = createServer(
      { keepAliveTimeout: keepAliveTimeoutMs, noDelay: true },
      (request, response) => this.#begin(this.#serve(request, response)),
    );
    this.#server.on("connection", (socket) => this.#connect(socket));
  }

  /**
   * Opens the port.
   *
   * @throws ListenError
   */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => reject(new ListenError(host, port, error));
      this.#server.once("error", onError);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", onError);
        const address = this.#server.address();
        if (address === null || typeof address === "string") {
          reject(new ListenError(host, port, undefined));
        } else {
          resolve(address);
        }
      });
    });
  }

  /** How many requests have reached the service, by operation. */
  requests(): Readonly<Partial<Record<SqsOperation, number>>> {
    return Object.fromEntries(this.#counts);
  }

  /** Closes the port and every connection, and resolves when no call is left. */
  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      // Its error says that the server was not listening, which is as good as closed.
      this.#server.close(() => resolve());
    });
    this.#server.closeAllConnections();
    await closed;
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #begin(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  #connect(socket: Socket): Connection {
    const closing = new AbortController();
    const handed = new Set<Handed>();
    socket.once("close", () => {
      closing.abort(hungUp);
      for (const each of handed) this.#begin(this.#giveBack(each));
    });
    const connection = { signal: closing.signal, handed };
    this.#connections.set(socket, connection);
    return connection;
  }

  /** Never rejects: what goes wrong is answered, or there is nobody to answer. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const connection = this.#connections.get(socket) ?? this.#connect(socket);
    let operation = "the request";
    try {
      const known = operationOf(request);
      operation = known;
      const body = await readBody(request, operation);
      if (body === undefined) return;
      this.#verifier?.verify(
        {
          method: request.method ?? "",
          target: request.url ?? "",
          headers: request.headersDistinct,
          body,
        },
        operation,
      );
      const input = decodeInput(known, body);
      this.#counts.set(known, (this.#counts.get(known) ?? 0) + 1);
      const output = await this.#service.call(known, input, { signal: connection.signal });
      const handed = handedBy(input, output);
      if (handed !== undefined && !(await this.#deliver(handed, connection, socket, response)))
        return;
      this.#write(response, 200, encodeOutput(known, output));
    } catch (error) {
      if (!isGone(socket)) this.#refuse(response, operation, error);
    }
  }

  /** Whether there is a client to write to. From here on what was handed out is given back if it goes. */
  async #deliver(
    handed: Handed,
    connection: Connection,
    socket: Socket,
    response: ServerResponse,
  ): Promise<boolean> {
    if (socket.closed) {
      await this.#giveBack(handed);
      return false;
    }
    connection.handed.add(handed);
    response.once("finish", () => {
      // It "finishes" as well when its connection breaks with half of it unsent.
      if (!socket.destroyed) connection.handed.delete(handed);
    });
    await wholeTurn();
    return !isGone(socket);
  }

  #refuse(response: ServerResponse, operation: string, error: unknown): void {
    const { statusCode, queryError, body } = encodeError(
      error instanceof SqsServiceError && error.errorName !== failureName
        ? error
        : internalFailure(operation, error),
    );
    this.#write(response, statusCode, body, queryError);
  }

  #write(response: ServerResponse, status: number, body: string, queryError?: string): void {
    const headers = [
      "x-amzn-requestid",
      this.#requestId(),
      "content-type",
      contentType,
      "content-length",
      String(Buffer.byteLength(body)),
      "date",
      this.#date(),
    ];
    if (queryError !== undefined) headers.push("x-amzn-query-error", queryError);
    response.writeHead(status, headers);
    response.end(body);
  }

  /** Makes messages visible again that nobody received. It counts as a receive of theirs all the same. */
  async #giveBack({ queueUrl, receiptHandles }: Handed): Promise<void> {
    const entries = receiptHandles.map((handle, index) => ({
      Id: String(index),
      ReceiptHandle: handle,
      VisibilityTimeout: 0,
    }));
    try {
      await this.#service.call("ChangeMessageVisibilityBatch", {
        QueueUrl: queueUrl,
        Entries: entries,
      });
    } catch {
      // The queue is gone or the service closed: there is nothing left to give back.
    }
  }

  /** In the form of a UUID, as AWS's are: this server's part, then a count. */
  #requestId(): string {
    this.#lastId += 1;
    return `${this.#idPrefix}-0000-4000-8000-${hex(this.#lastId, 12)}`;
  }

  /** By the service's clock, since clients correct theirs by it. */
  #date(): string {
    const second = Math.floor(this.#service.clock.now() / 1000);
    if (second !== this.#dated.second) {
      this.#dated = { second, header: new Date(second * 1000).toUTCString() };
    }
    return this.#dated.header;
  }
}

/** What of an answer the client has to have, for it not to be lost until it times out. */
function handedBy(input: object, output: SqsOutput<SqsOperation>): Handed | undefined {
  if (!("Messages" in output) || output.Messages === undefined || output.Messages.length === 0) {
    return undefined;
  }
  if (!("QueueUrl" in input) || typeof input.QueueUrl !== "string") return undefined;
  const receiptHandles = output.Messages.flatMap(({ ReceiptHandle: handle }) => handle ?? []);
  return { queueUrl: input.QueueUrl, receiptHandles };
}

/**
 * Resolves when the event loop has heard everything that had reached the system's sockets at the time of
 * the call. A client may have hung up just before its messages came, and not be heard until after them.
 */
async function wholeTurn(): Promise<void> {
  // The first immediate ends the turn that is under way, whose events were collected earlier.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

/** Whether nobody reads an answer: the connection is closed, or closing because the client closed it. */
function isGone(socket: Socket): boolean {
  return socket.destroyed || socket.writableEnded;
}

/** A fault of this package, told with what caused it: it is on the caller's own machine. */
function internalFailure(operation: string, error: unknown): SqsServiceError {
  const cause = error instanceof SqsServiceError ? (error.cause ?? error) : error;
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : "no Error was thrown";
  return new SqsServiceError(
    { operation, errorName: failureName, text, statusCode: 500, senderFault: false },
    { cause },
  );
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
