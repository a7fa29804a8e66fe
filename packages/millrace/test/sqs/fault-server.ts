/**
 * Owns a server that answers as a test tells it, well or badly, over real sockets. It never knows SQS.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A request that has arrived whole. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** From X-Amz-Target. */
  readonly operation: string;
  readonly socket: Socket;
}

/** Answers one request, or does something worse. */
export type Reply = (response: ServerResponse, request: ReceivedRequest) => void;

export class FaultServer implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #replies: Reply[] = [];
  #fallback: Reply = json({});
  #waiting: Array<() => void> = [];

  private constructor() {
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (message, response) => {
      void this.#serve(message, response);
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        this.#wake();
      });
    });
  }

  static async start(): Promise<FaultServer> {
    const server = new FaultServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get origin(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  get queueUrl(): string {
    return `${this.origin}/000000000000/orders`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Answers the coming requests with these, one each, and then as {@link always} says. */
  next(...replies: Reply[]): void {
    this.#replies.push(...replies);
  }

  always(reply: Reply): void {
    this.#fallback = reply;
  }

  /** Resolves once so many requests have arrived. */
  received(count: number): Promise<void> {
    return this.#until(() => this.requests.length >= count);
  }

  /** Resolves once so many connections are open. */
  connected(count: number): Promise<void> {
    return this.#until(() => this.connections === count);
  }

  /** Resolves once the connection that brought this request is closed. */
  closed(index: number): Promise<void> {
    return this.#until(() => this.requests[index]?.socket.destroyed === true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const request: ReceivedRequest = {
      path: message.url ?? "",
      headers: message.headers,
      body: Buffer.concat(chunks).toString(),
      operation: String(message.headers["x-amz-target"]).replace("AmazonSQS.", ""),
      socket: message.socket,
    };
    this.requests.push(request);
    (this.#replies.shift() ?? this.#fallback)(response, request);
    this.#wake();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** A sound answer. */
export function json(body: unknown, headers: Record<string, string> = {}): Reply {
  return text(JSON.stringify(body), { "content-type": "application/x-amz-json-1.0", ...headers });
}

/** Keeps the answer back until it is released. */
export function hold(reply: Reply): { readonly reply: Reply; release(): void } {
  let answer: (() => void) | undefined;
  return {
    reply: (response, request) => {
      answer = () => reply(response, request);
    },
    release: () => answer?.(),
  };
}

/** Status 200 and this text. */
export function text(body: string, headers: Record<string, string> = {}, status = 200): Reply {
  return (response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

/** An error as SQS gives it. */
export function refusal(
  name: string,
  { status = 400, message = "no", headers = {}, fault = "" }: RefusalOptions = {},
): Reply {
  const query = fault === "" ? {} : { "x-amzn-query-error": `${name};${fault}` };
  const body = JSON.stringify({ __type: `com.amazonaws.sqs#${name}`, message });
  return text(body, { "x-amzn-requestid": "r-1", ...query, ...headers }, status);
}

interface RefusalOptions {
  readonly status?: number;
  readonly message?: string;
  readonly headers?: Record<string, string>;
  readonly fault?: "" | "Sender" | "Receiver";
}

/** Cuts the connection without a word. */
export const reset: Reply = (_response, { socket }) => {
  socket.resetAndDestroy();
};

/** Never answers. */
export const silence: Reply = () => {};

/** Promises 1,000 bytes, sends a few and hangs up. */
export const truncated: Reply = (response, { socket }) => {
  response.writeHead(200, { "content-length": "1000" });
  response.write('{"Messages":[');
  socket.end();
};
