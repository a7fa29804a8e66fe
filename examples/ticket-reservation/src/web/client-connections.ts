/**
 * Owns what the web server knows of its connections: which have a request under way, and how they are let go on its way
 * down. It never reads a request.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export class ClientConnections {
  readonly #server: Server;
  /** Each with what is under way on it. */
  readonly #open = new Map<Socket, Set<Exchange>>();
  #closing = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#open.set(socket, new Set());
      socket.once("close", () => this.#open.delete(socket));
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const exchanges = this.#open.get(request.socket);
      const exchange = { request, response };
      exchanges?.add(exchange);
      response.once("close", () => exchanges?.delete(exchange));
    });
  }

  /** Whether the server is on its way down. */
  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Whether an answer can be written to a connection from which nothing sensible came: not while one is being written, or
   * is to be, to a request that was complete. It would be taken for that one's.
   */
  mayAnswer(socket: Socket): boolean {
    const exchanges = [...(this.#open.get(socket) ?? [])];
    return (
      socket.writable &&
      exchanges.every(({ request, response }) => !request.complete && !response.headersSent)
    );
  }

  /**
   * Ends those on which no request has come, which Node would wait for, and after `withinMs` all others: their requests
   * have not come to an end.
   */
  letGo(withinMs: number): void {
    this.#closing = true;
    for (const [socket, exchanges] of this.#open) if (exchanges.size === 0) socket.destroy();
    this.#deadline = setTimeout(() => this.#server.closeAllConnections(), withinMs);
  }

  /** To be called when the server has closed. */
  forget(): void {
    clearTimeout(this.#deadline);
  }
}
