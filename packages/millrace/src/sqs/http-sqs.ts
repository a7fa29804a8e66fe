/**
 * Owns a call to SQS over HTTP from its input to its answer: it brings destination, credentials, signature,
 * attempts and wire format together. It never does the work of any of them itself.
 */
import { Pool } from "undici";
import { sleep } from "../clock.ts";
import { fullJitterMs } from "../random.ts";
import type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "./api.ts";
import { abortableOf, signalOf } from "./call-abort.ts";
import type { Abortable } from "./call-abort.ts";
import { connector } from "./connector.ts";
import { Credentials, isExpiredRefusal, toCredentialsError } from "./credentials.ts";
import type { AwsCredentials } from "./credentials.ts";
import { Destinations } from "./destination.ts";
import type { Destination } from "./destination.ts";
import { markMayBeApplied, SqsError, SqsRequestError, SqsTimeoutError } from "./errors.ts";
import { exchange } from "./exchange.ts";
import { readOptions } from "./http-sqs-options.ts";
import type { HttpSqsOptions, HttpSqsSettings } from "./http-sqs-options.ts";
import { waitMs } from "./long-poll.ts";
import { planRetry, RetryBudget } from "./retry-budget.ts";
import { isSkewRefusal, ServerClock } from "./server-clock.ts";
import { Signer } from "./signer.ts";
import { waitFor } from "./wait-for.ts";
import { decodeError, decodeOutput, encodeInput } from "./wire.ts";

/** How long finding credentials, region and endpoint may take: SSO and processes take a while. */
const setUpTimeoutMs = 30_000;
/** Idle connections are kept this long. They do not keep the process alive. */
const keepAliveMs = 20_000;

/** What is the same in every attempt of a call. */
interface Call<O extends SqsOperation> {
  readonly operation: O;
  readonly destination: Destination;
  readonly body: Uint8Array;
  /** For one attempt. */
  readonly timeoutMs: number;
  readonly signal: Abortable | undefined;
}

/** What is known of the attempts of a call. */
interface Attempted {
  /** Whether one of them may have been applied. Written by #attempts. */
  mayBeApplied: boolean;
}

/**
 * SQS over HTTP, without the AWS SDK: a quarter of its CPU time a call.
 *
 * Each call is attempted up to `maxAttempts` times, with full jitter between and a budget for all calls of the
 * client (the quotas of AWS's standard retry mode). A receive that brought no answer in time is not repeated:
 * poll again. When SQS's clock differs by more than half a minute, calls are signed with SQS's; a call refused
 * for that, or for expired credentials, is signed anew once.
 *
 * An attempt that failed may have been applied by SQS all the same: a repeated send can enqueue twice (use a
 * FIFO queue's deduplication), and what a receive was to bring may stay invisible for a visibility timeout. The
 * error's `mayBeApplied` says so, for all attempts of the call.
 *
 * It does not check MD5 sums (TLS does better), and knows no proxies, FIPS or dual-stack switches: give an
 * `endpoint`, or use `fromSdk`.
 *
 * @example
 * await using sqs = new HttpSqs({ region: "eu-west-1" });
 * const { QueueUrls } = await sqs.call("ListQueues", {});
 *
 * @throws OptionError from the constructor. Calls reject with {@link SqsError} or with `signal.reason`.
 */
export class HttpSqs implements SqsApi {
  readonly #settings: HttpSqsSettings;
  readonly #credentials: Credentials;
  readonly #destinations: Destinations;
  readonly #serverClock: ServerClock;
  readonly #signer = new Signer();
  readonly #budget = new RetryBudget();
  /** By origin. Added to by #pool, emptied by #shut. */
  readonly #pools = new Map<string, Pool>();
  /** HTTP requests sent, by operation. Written when a request goes to its socket. */
  readonly #requests = new Map<SqsOperation, number>();
  /** Calls under way. Written by call alone. */
  #active = 0;
  /** Set by the first close; calls are refused from then on. */
  #closed: Promise<void> | undefined;
  /** Set by #shut while it waits for calls under way; called by the last of them. */
  #onIdle: (() => void) | undefined;

  constructor(options: HttpSqsOptions = {}) {
    this.#settings = readOptions(options);
    const { clock, credentials, endpoint, region } = this.#settings;
    this.#credentials = new Credentials(credentials, clock);
    this.#destinations = new Destinations(endpoint, region);
    this.#serverClock = new ServerClock(clock);
  }

  async call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    const signal = abortableOf(options);
    signal?.throwIfAborted();
    if (this.#closed !== undefined) {
      throw new SqsRequestError(`${operation}: this HttpSqs is closed`, operation);
    }
    this.#active++;
    const attempted: Attempted = { mayBeApplied: false };
    try {
      const body = encodeInput(operation, input);
      const timeoutMs = this.#settings.requestTimeoutMs + waitMs(operation, input);
      const queueUrl = "QueueUrl" in input ? input.QueueUrl : undefined;
      const destination =
        this.#destinations.peek(queueUrl) ??
        (await this.#setUp(operation, signal, this.#destinations.find(operation, queueUrl)));
      return await this.#attempts({ operation, destination, body, timeoutMs, signal }, attempted);
    } catch (error) {
      // The reason of an abort is the caller's own, whatever it is.
      const ours = error instanceof SqsError && error !== signal?.reason;
      throw ours && attempted.mayBeApplied ? markMayBeApplied(error) : error;
    } finally {
      this.#active--;
      if (this.#active === 0) this.#onIdle?.();
    }
  }

  /** HTTP requests sent so far, by operation, repeated attempts included: what AWS bills. A snapshot. */
  requestCounts(): Readonly<Partial<Record<SqsOperation, number>>> {
    return Object.fromEntries(this.#requests);
  }

  /**
   * Refuses further calls, lets those under way come to their end, then closes the connections. Each call has
   * its own deadline; abort a long poll that should not be waited for. May be called again.
   *
   * A process ends without it: idle connections hold nothing up.
   */
  close(): Promise<void> {
    this.#closed ??= this.#shut();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shut(): Promise<void> {
    if (this.#active > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  /** Attempts the call until it has an answer, or an error that another attempt would not mend. */
  async #attempts<O extends SqsOperation>(
    call: Call<O>,
    attempted: Attempted,
  ): Promise<SqsOutput<O>> {
    const { operation, signal } = call;
    const { clock, maxAttempts, random } = this.#settings;
    let failures = 0;
    let refundTokens = 0;
    let mayCorrectClock = true;
    let mayRenew = true;
    for (;;) {
      const credentials =
        this.#credentials.peek() ?? (await this.#identify(call, this.#credentials.get()));
      const signedOffsetMs = this.#serverClock.offsetMs;
      try {
        const output = await this.#attempt(call, credentials);
        this.#budget.give(refundTokens);
        return output;
      } catch (error) {
        // The reason may well be an SqsError itself, a caller's deadline for one.
        if (signal?.aborted) throw signal.reason;
        if (!(error instanceof SqsError)) throw error;
        attempted.mayBeApplied ||= error.mayBeApplied;

        const corrected = this.#serverClock.offsetMs !== signedOffsetMs;
        if (mayCorrectClock && corrected && isSkewRefusal(error)) {
          mayCorrectClock = false;
          continue;
        }
        if (mayRenew && isExpiredRefusal(error)) {
          mayRenew = false;
          if (await this.#identify(call, this.#credentials.renew(credentials))) continue;
          throw error;
        }
        failures++;
        const plan = planRetry(operation, error);
        if (plan === undefined || failures >= maxAttempts) throw error;
        if (!this.#budget.take(plan.cost)) throw error;
        refundTokens = plan.cost;
        await sleep(clock, fullJitterMs(plan.backoff, failures - 1, random), signalOf(signal));
      }
    }
  }

  /** Signs, sends, and reads what comes back. */
  async #attempt<O extends SqsOperation>(
    { operation, destination, body, timeoutMs, signal }: Call<O>,
    credentials: AwsCredentials,
  ): Promise<SqsOutput<O>> {
    const { origin, host, path, canonicalPath, region } = destination;
    const target = `AmazonSQS.${operation}`;
    const nowMs = this.#serverClock.now();
    const headers = this.#signer.sign(
      { host, canonicalPath, target, body, region, nowMs },
      credentials,
    );
    const answer = await exchange(
      this.#pool(origin),
      { operation, origin, path, headers, body },
      {
        clock: this.#settings.clock,
        timeoutMs,
        signal,
        // The messages are in flight by then, and someone has to give them back.
        finishAfterAbort: operation === "ReceiveMessage",
        onSent: () => {
          this.#requests.set(operation, (this.#requests.get(operation) ?? 0) + 1);
        },
        onHead: (answerHeaders) => this.#serverClock.observe(answerHeaders),
      },
    );
    if (answer.statusCode === 200) return decodeOutput(operation, answer);
    const { secretAccessKey, sessionToken } = credentials;
    throw decodeError(operation, answer, [secretAccessKey, sessionToken]);
  }

  #pool(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      const { clock, connections, connectTimeoutMs } = this.#settings;
      pool = new Pool(origin, {
        connections,
        connect: connector(clock, connectTimeoutMs),
        keepAliveTimeout: keepAliveMs,
        pipelining: 1,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  /** Waits for credentials, and makes what their provider threw presentable. */
  #identify<T>({ operation, signal }: Call<SqsOperation>, provided: Promise<T>): Promise<T> {
    const presentable = provided.catch((error: unknown) => {
      throw toCredentialsError(operation, error);
    });
    return this.#setUp(operation, signal, presentable);
  }

  /** Waits for something that other calls may wait for too: it goes on when this call gives up. */
  #setUp<T>(operation: string, signal: Abortable | undefined, result: Promise<T>): Promise<T> {
    return waitFor(result, {
      clock: this.#settings.clock,
      timeoutMs: setUpTimeoutMs,
      signal: signalOf(signal),
      onTimeout: () => new SqsTimeoutError(operation, setUpTimeoutMs, { mayBeApplied: false }),
    });
  }
}
