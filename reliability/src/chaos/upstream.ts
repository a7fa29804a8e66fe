/**
 * Owns the proxy's connections to the SQS behind it: a request goes there whole and its answer comes back
 * whole. It never answers a client, and never injects anything.
 */
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Answer } from "./answer.ts";

/** A request that has arrived whole. */
export interface WholeRequest {
  readonly path: string;
  /** As they came, name, value, name, value: the signature covers some, the host among them. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** About one connection, not about the request. */
const hopByHop = new Set(["connection", "keep-alive", "transfer-encoding", "content-length"]);

export class Upstream {
  readonly #origin: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** @param origin `http://127.0.0.1:9324` */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /**
   * Forwards a request. An abort hangs up on the SQS, which so hears that nobody waits any more.
   *
   * @throws the signal's reason; what went wrong with the connection.
   */
  forward({ path, headers, body }: WholeRequest, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const outgoing = request(new URL(path, this.#origin), {
        agent: this.#agent,
        method: "POST",
        headers: [...endToEnd(headers), "content-length", String(body.length)],
      });
      const onAbort = (): void => {
        outgoing.destroy();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      outgoing.once("close", () => signal.removeEventListener("abort", onAbort));
      outgoing.on("error", reject);
      outgoing.once("response", (incoming) => {
        readWhole(incoming).then(resolve, reject);
      });
      outgoing.end(body);
    });
  }

  /** Cuts what is open. */
  close(): void {
    this.#agent.destroy();
  }
}

async function readWhole(incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  return {
    statusCode: incoming.statusCode ?? 502,
    headers: endToEnd(incoming.rawHeaders),
    body: Buffer.concat(chunks),
  };
}

function endToEnd(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const [name = "", value = ""] = headers.slice(at, at + 2);
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
