/**
 * Owns one HTTP request and its answer, from the hand-over to the pool until the last byte: deadline, abort,
 * size. It never retries, and never reads what the answer says.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { Clock, Timer } from "../clock.ts";
import type { Abortable } from "./call-abort.ts";
import {
  SqsConnectionError,
  SqsRequestError,
  SqsResponseError,
  SqsTimeoutError,
} from "./errors.ts";
import type { SqsError } from "./errors.ts";
import { codeOf, publicCause } from "./redaction.ts";

/** What is sent. */
export interface ExchangeRequest {
  /** For errors. */
  readonly operation: string;
  readonly origin: string;
  readonly path: string;
  /** Name, value, name, value. */
  readonly headers: string[];
  readonly body: Uint8Array;
}

/** How long it may take, and who is told. */
export interface ExchangeOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: Abortable | undefined;
  /** Whether an answer whose head has arrived is read to its end though the signal aborts. */
  readonly finishAfterAbort: boolean;
  /** Called just before the first byte is written, and not at all when it never comes to that. */
  readonly onSent: () => void;
  /** Called when the answer's head has arrived. */
  readonly onHead: (headers: IncomingHttpHeaders) => void;
}

/** What came back. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/**
 * The largest answer of SQS holds ten messages of 1 MiB, and escaped as JSON a character can be six times as
 * long. A lower bound could be met on purpose: whoever may send could end all receiving.
 */
const maxAnswerBytes: number = 64 * 1_048_576;
/** How long the rest of an answer may take when the call was aborted after its head had arrived. */
const finishAfterAbortMs = 1_000;

/** Passed to undici to end a request. Nobody sees it: the promise is settled before. */
const givenUp = new Error("given up");

/**
 * Sends the request and resolves with the answer, whatever its status.
 *
 * @throws SqsError (connection, timeout, response); the signal's reason, promptly, after an abort.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  options: ExchangeOptions,
): Promise<Answer> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const { origin, path, headers, body } = request;
    dispatcher.dispatch(
      // Deadlines are ours, on our clock; undici's are switched off.
      { origin, path, method: "POST", headers, body, headersTimeout: 0, bodyTimeout: 0 },
      new Exchange(request, options, resolve, reject),
    );
  });
}

/**
 * - `queued`: waits for a connection. Entered at the start. Left for `sent` when undici takes the request to a
 *   socket, for `settled` by an abort, the deadline or a failed connect.
 * - `sent`: the request is on its way, nothing has come back. Left for `answering` when the head of the answer
 *   arrives, for `settled` by an abort, the deadline or a fault of the connection.
 * - `answering`: the body arrives. Left for `settled` by its end, its size, the deadline, a fault, or an abort,
 *   which lets the body of a receive go on for a moment.
 * - `settled`: the promise is; timer and listener are gone. Never left; what undici still says is ignored.
 */
type State = "queued" | "sent" | "answering" | "settled";

class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest;
  readonly #options: ExchangeOptions;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  #state: State = "queued";
  /** The deadline. Replaced once, by #onAbort, with the deadline of the rest of the answer. */
  #timer: Timer;
  #controller: Dispatcher.DispatchController | undefined;
  #statusCode = 0;
  #headers: IncomingHttpHeaders = {};
  readonly #chunks: Buffer[] = [];
  #receivedBytes = 0;

  constructor(
    request: ExchangeRequest,
    options: ExchangeOptions,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#request = request;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = options.clock.setTimer(this.#onDeadline, options.timeoutMs);
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown rather than aborted: the socket has not been written to, and can serve the next request.
    if (this.#state === "settled") throw givenUp;
    this.#controller = controller;
    this.#state = "sent";
    this.#options.onSent();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    // Below 200 it is an interim answer; the real one follows.
    if (this.#state !== "sent" || statusCode < 200) return;
    this.#state = "answering";
    this.#statusCode = statusCode;
    this.#headers = headers;
    this.#options.onHead(headers);
    if (Number(headers["content-length"]) > maxAnswerBytes) this.#refuseSize();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state !== "answering") return;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > maxAnswerBytes) this.#refuseSize();
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#state !== "answering") return;
    this.#settle();
    const [first, ...rest] = this.#chunks;
    const body = rest.length === 0 ? first : Buffer.concat(this.#chunks, this.#receivedBytes);
    const text = body?.toString("utf8") ?? "";
    this.#resolve({ statusCode: this.#statusCode, headers: this.#headers, text });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(() => this.#explain(error));
  }

  readonly #onDeadline = (): void => {
    const { operation } = this.#request;
    const { timeoutMs } = this.#options;
    const mayBeApplied = this.#state !== "queued";
    this.#giveUp(() => new SqsTimeoutError(operation, timeoutMs, { mayBeApplied }));
  };

  readonly #onAbort = (): void => {
    const { clock, finishAfterAbort } = this.#options;
    if (this.#state === "answering" && finishAfterAbort && this.#statusCode === 200) {
      this.#timer.cancel();
      this.#timer = clock.setTimer(this.#onDeadline, finishAfterAbortMs);
    } else {
      this.#onDeadline();
    }
  };

  #refuseSize(): void {
    const { operation } = this.#request;
    this.#giveUp(
      () =>
        new SqsResponseError(
          `${operation}: the answer is larger than ${maxAnswerBytes} bytes`,
          operation,
        ),
    );
  }

  /** Fails, and ends what undici is doing for this request: it closes the socket, and opens one in its place. */
  #giveUp(error: () => SqsError): void {
    this.#fail(error);
    this.#controller?.abort(givenUp);
  }

  #fail(error: () => SqsError): void {
    if (this.#state === "settled") return;
    const { signal } = this.#options;
    const reason: unknown = signal?.aborted ? signal.reason : error();
    this.#settle();
    this.#reject(reason);
  }

  #settle(): void {
    this.#state = "settled";
    this.#timer.cancel();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  #explain(error: Error): SqsError {
    const { operation, origin } = this.#request;
    const cause = publicCause(error);
    const code = codeOf(error) ?? "";
    // What undici names so is a header that cannot be written.
    if (code === "UND_ERR_INVALID_ARG") {
      return new SqsRequestError(`${operation}: ${cause.message}`, operation, { cause });
    }
    if (this.#state === "answering") {
      const message = `${operation}: the answer of ${origin} broke off: ${cause.message}`;
      return new SqsResponseError(message, operation, { cause });
    }
    if (error.name === "HTTPParserError" || code === "UND_ERR_HEADERS_OVERFLOW") {
      const message = `${operation}: ${origin} answers, but not with HTTP: ${cause.message}`;
      return new SqsResponseError(message, operation, { cause });
    }
    const text = cause.message.includes(code) ? cause.message : `${code}: ${cause.message}`;
    const mayBeApplied = this.#state !== "queued";
    return new SqsConnectionError(`${operation}: ${origin}: ${text}`, operation, {
      cause,
      mayBeApplied,
    });
  }
}
