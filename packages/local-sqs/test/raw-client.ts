/**
 * Owns plain HTTP requests for tests of the wire: whatever is asked goes out as it stands, and the
 * answer comes back as it came. It never knows AWS's protocol.
 */
import { Agent, request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";

export interface RawRequest {
  readonly operation?: string;
  readonly body?: string | Uint8Array;
  readonly method?: string;
  readonly path?: string;
  /** An undefined value takes a default header away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Throws when the text is not JSON. */
  json(): unknown;
}

export class RawClient {
  readonly #endpoint: URL;
  readonly #agent = new Agent({ keepAlive: true });
  /** How many sockets were opened. */
  connections = 0;

  constructor(endpoint: string) {
    this.#endpoint = new URL(endpoint);
  }

  send(raw: RawRequest = {}): Promise<RawAnswer> {
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${raw.operation ?? "ListQueues"}`,
      ...raw.headers,
    };
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: this.#endpoint.hostname,
        port: this.#endpoint.port,
        path: raw.path ?? "/",
        method: raw.method ?? "POST",
        agent: this.#agent,
        headers: Object.fromEntries(
          Object.entries(headers).filter(([, value]) => value !== undefined),
        ),
        ...(raw.signal === undefined ? {} : { signal: raw.signal }),
      });
      request.once("error", reject);
      request.once("socket", (socket) => {
        if (socket.connecting) this.connections += 1;
      });
      request.once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: (): unknown => JSON.parse(text),
          });
        });
      });
      request.end(raw.body ?? "{}");
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A connected socket to the endpoint, for what an HTTP client would not do. */
export function openSocket(endpoint: string): Promise<Socket> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

/** A request of AWS JSON 1.0 as bytes. */
export function requestText(operation: string, body: string): string {
  return [
    "POST / HTTP/1.1",
    "host: local",
    "content-type: application/x-amz-json-1.0",
    `x-amz-target: AmazonSQS.${operation}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}
