/**
 * Owns a proxy in front of SQS that lets some requests through and does others harm. It never decides which:
 * that is drawn by a FaultSource.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { sleep, systemClock } from "millrace";
import type { Clock, Random } from "millrace";
import { garbage, madeUpAnswers } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { FaultSource } from "./faults.ts";
import type { FaultCounts, FaultKind, FaultRates } from "./faults.ts";
import { Upstream } from "./upstream.ts";
import type { WholeRequest } from "./upstream.ts";

export interface FaultProxyOptions {
  /** The SQS behind it: `http://127.0.0.1:9324`. */
  readonly upstream: string;
  readonly rates: FaultRates;
  /** Draws the faults, and how long a delay is. */
  readonly random: Random;
  /** The longest delay of an answer, in ms. Default 2,000. */
  readonly maxDelayMs?: number | undefined;
  /** Called when a fault has been drawn for a request, before it is carried out. */
  readonly onFault?: ((kind: FaultKind, operation: string) => void) | undefined;
  /** What delays are kept on. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Longer than clients keep idle connections, so that it is they who close them. */
const keepAliveTimeoutMs = 75_000;

const hungUp: Error = new Error("the client hung up");

/**
 * One listening proxy on a port of 127.0.0.1 that was free.
 *
 * A client that hangs up is hung up on SQS too: its long poll must take no message. Only where an answer
 * has come and is kept back, mangled or thrown away is what it brought lost until its visibility timeout.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #upstream: Upstream;
  readonly #source: FaultSource;
  readonly #random: Random;
  readonly #maxDelayMs: number;
  readonly #onFault: (kind: FaultKind, operation: string) => void;
  readonly #clock: Clock;
  readonly #server: Server;
  /** Of clients' connections: aborts when one closes. */
  readonly #closing = new WeakMap<Socket, AbortSignal>();
  /** Requests in hand. Written by #begin. */
  readonly #running = new Set<Promise<void>>();
  readonly #faults = new Map<FaultKind, number>();
  readonly #requests = new Map<string, number>();
  /** Written by {@link switchFaults}. */
  #faulty = true;
  #port = 0;
  #stopped: Promise<void> | undefined;

  private constructor(options: FaultProxyOptions) {
    const { upstream, rates, random, maxDelayMs = 2_000, clock = systemClock } = options;
    this.#upstream = new Upstream(upstream);
    this.#source = new FaultSource(rates, random);
    this.#random = random;
    this.#maxDelayMs = maxDelayMs;
    this.#onFault = options.onFault ?? (() => {});
    this.#clock = clock;
    this.#server = createServer(
      { keepAliveTimeout: keepAliveTimeoutMs, noDelay: true },
      (request, response) => this.#begin(this.#serve(request, response)),
    );
    this.#server.on("connection", (socket) => this.#connect(socket));
  }

  /** Opens the port; faults are on. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    const address = proxy.#server.address();
    if (typeof address === "object" && address !== null) proxy.#port = address.port;
    return proxy;
  }

  /** What clients are given as endpoint. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** With faults off every request that comes is let through; those in hand keep the fault they have. */
  switchFaults(on: boolean): void {
    this.#faulty = on;
  }

  /** Faults injected so far. */
  faults(): FaultCounts {
    return Object.fromEntries(this.#faults);
  }

  /** Requests that have arrived whole, by operation, whatever became of them. */
  requests(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#requests);
  }

  /** Resolves when no request is in hand. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Cuts every connection and frees the port. May be called again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    await this.idle();
    this.#upstream.close();
  }

  #begin(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  #connect(socket: Socket): AbortSignal {
    const closing = new AbortController();
    socket.once("close", () => closing.abort(hungUp));
    this.#closing.set(socket, closing.signal);
    return closing.signal;
  }

  /** Never rejects: what goes wrong is told by cutting the connection, or there is nobody to tell. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const signal = this.#closing.get(socket) ?? this.#connect(socket);
    try {
      const whole = await readWhole(request);
      const operation = operationOf(request);
      count(this.#requests, operation);
      const fault = this.#faulty ? this.#source.draw() : undefined;
      if (fault !== undefined) {
        count(this.#faults, fault);
        this.#onFault(fault, operation);
      }
      await this.#treat(fault, whole, response, signal);
    } catch {
      // The client hung up, or the SQS behind did: then the client is to see the same.
      reset(socket);
    }
  }

  async #treat(
    fault: FaultKind | undefined,
    request: WholeRequest,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const forward = (): Promise<Answer> => this.#upstream.forward(request, signal);
    switch (fault) {
      case undefined:
        write(response, await forward());
        return;
      case "resetBefore":
        reset(response.socket);
        return;
      case "resetAfter":
        await forward();
        reset(response.socket);
        return;
      case "blackHole":
        if (!signal.aborted) await once(signal, "abort");
        return;
      case "delay": {
        const answer = await forward();
        await sleep(this.#clock, this.#random() * this.#maxDelayMs, signal);
        write(response, answer);
        return;
      }
      case "twice":
        await forward();
        write(response, await forward());
        return;
      case "truncated":
        truncate(response, await forward());
        return;
      case "garbage":
        await forward();
        write(response, garbage(this.#random));
        return;
      case "internalError":
      case "unavailable":
      case "throttled":
      case "expiredToken":
      case "html":
        write(response, madeUpAnswers[fault]);
        return;
    }
  }
}

/**
 * Cuts a connection without a farewell. One that is saying farewell already is merely closed: Node would refuse to
 * reset it, close it never, and spin for ever when the process ends, waiting for that.
 */
function reset(socket: Socket | null): void {
  if (socket?.writableEnded === true) socket.destroy();
  else socket?.resetAndDestroy();
}

function write(response: ServerResponse, { statusCode, headers, body }: Answer): void {
  response.writeHead(statusCode, [...headers, "content-length", String(body.length)]);
  response.end(body);
}

/** Promises the whole body, sends half of it and closes the connection. */
function truncate(response: ServerResponse, { statusCode, headers, body }: Answer): void {
  // One more than there is, so that the shortest body is cut short too.
  response.writeHead(statusCode, [...headers, "content-length", String(body.length + 1)]);
  response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.socket?.end());
}

/** @throws when the client leaves before the end. */
async function readWhole(request: IncomingMessage): Promise<WholeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return { path: request.url ?? "/", headers: request.rawHeaders, body: Buffer.concat(chunks) };
}

function operationOf({ headers }: IncomingMessage): string {
  return String(headers["x-amz-target"] ?? "unknown").replace("AmazonSQS.", "");
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
