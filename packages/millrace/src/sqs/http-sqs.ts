/**
 * Owns a call to SQS over HTTP from its input to its answer: it brings destination, credentials, signature,
 * attempts and wire format together. It never does the work of any of them itself.
 */
import { Pool } from "undici";
import { sleep, systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { OptionError } from "../errors.ts";
import { fullJitterMs, systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import type { SqsApi, SqsCallOptions, SqsInput, SqsOperation, SqsOutput } from "./api.ts";
import { connector } from "./connector.ts";
import { Credentials, toCredentialsError, validated } from "./credentials.ts";
import type { AwsCredentials, AwsCredentialsProvider } from "./credentials.ts";
import { Destinations, parseEndpoint } from "./destination.ts";
import type { Destination } from "./destination.ts";
import { SqsError, SqsRequestError, SqsServiceError, SqsTimeoutError } from "./errors.ts";
import { exchange } from "./exchange.ts";
import { waitMs } from "./long-poll.ts";
import { isRegion } from "./region.ts";
import { planRetry, RetryBudget } from "./retry-budget.ts";
import { ServerClock } from "./server-clock.ts";
import { Signer } from "./signer.ts";
import { waitFor } from "./wait-for.ts";
import { decodeError, decodeOutput, encodeInput } from "./wire.ts";

/** Options of {@link HttpSqs}. */
export interface HttpSqsOptions {
  /**
   * The AWS region to sign for. Default: the one that the host of the endpoint or of the queue URL names, else
   * AWS_REGION, the AWS config files, or the machine's metadata.
   */
  readonly region?: string | undefined;
  /**
   * Where every call goes, whatever a queue's URL says. Default: AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL or
   * `endpoint_url` of the AWS config files, else the queue URL's origin, else SQS in the region.
   */
  readonly endpoint?: string | URL | undefined;
  /**
   * Credentials, or a provider of them; those of the AWS SDK fit. Default: the SDK's own chain (environment,
   * config files, SSO, web identity, container and instance metadata).
   */
  readonly credentials?: AwsCredentials | AwsCredentialsProvider | undefined;
  /** How often a call is attempted in all when faults and throttles stand in its way. At least 1, default 3. */
  readonly maxAttempts?: number | undefined;
  /**
   * Connections at once to one origin, default 256. Every open long poll holds one; calls beyond wait, and
   * their deadline runs.
   */
  readonly connections?: number | undefined;
  /** How long opening a connection may take, TLS included, in ms. Default 3,000. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long one attempt may take, in ms; a receive is given its wait on top. Default 10,000. Too short, and
   * calls that SQS has applied are taken for failed.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Time. Default {@link systemClock}. */
  readonly clock?: Clock | undefined;
  /** Chance, for jitter. Default {@link systemRandom}. */
  readonly random?: Random | undefined;
}

const defaults = {
  maxAttempts: 3,
  connections: 256,
  connectTimeoutMs: 3_000,
  requestTimeoutMs: 10_000,
} as const;

/** How long finding credentials, region and endpoint may take: SSO and processes take a while. */
const setupTimeoutMs = 30_000;
/** Idle connections are kept this long. They do not keep the process alive. */
const keepAliveMs = 20_000;

/** Refusals that a wrong clock can be behind. */
const skewRefusals = new Set([
  "AuthFailure",
  "InvalidSignatureException",
  "RequestExpired",
  "RequestInTheFuture",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
]);
const expiredRefusals = new Set(["ExpiredToken", "ExpiredTokenException"]);

/**
 * SQS over HTTP, without the AWS SDK: a quarter of its CPU time a call.
 *
 * Each call is attempted up to `maxAttempts` times, with full jitter between and a budget for all calls of the
 * client (the quotas of AWS's standard retry mode). A receive that brought no answer in time is not repeated: poll again. When
 * SQS's clock differs by more than half a minute, calls are signed with SQS's; a call refused for that, or for
 * expired credentials, is signed anew once.
 *
 * An attempt that failed may have been applied by SQS all the same: a repeated send can enqueue twice (use a
 * FIFO queue's deduplication), and what a receive was to bring may stay invisible for a visibility timeout.
 *
 * It does not check MD5 sums (TLS does better), and knows no proxies, FIPS or dual-stack switches: give an
 * `endpoint`, or use `fromSdk`.
 *
 * @throws OptionError from the constructor. Calls reject with {@link SqsError} or with `signal.reason`.
 */
export class HttpSqs implements SqsApi {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #maxAttempts: number;
  readonly #connections: number;
  readonly #connectTimeoutMs: number;
  readonly #requestTimeoutMs: number;
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
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#maxAttempts = wholeNumber("maxAttempts", options.maxAttempts);
    this.#connections = wholeNumber("connections", options.connections);
    this.#connectTimeoutMs = duration("connectTimeoutMs", options.connectTimeoutMs);
    this.#requestTimeoutMs = duration("requestTimeoutMs", options.requestTimeoutMs);
    this.#destinations = new Destinations(
      endpointOption(options.endpoint),
      regionOption(options.region),
    );
    this.#credentials = new Credentials(credentialsOption(options.credentials), this.#clock);
    this.#serverClock = new ServerClock(this.#clock);
  }

  async call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#closed !== undefined) {
      throw new SqsRequestError(`${operation}: this HttpSqs is closed`, operation);
    }
    this.#active++;
    try {
      return await this.#call(operation, input, signal);
    } finally {
      this.#active--;
      if (this.#active === 0) this.#onIdle?.();
    }
  }

  /**
   * HTTP requests sent so far, by operation, repeated attempts included: what AWS bills. A snapshot.
   */
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

  async #call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    signal: AbortSignal | undefined,
  ): Promise<SqsOutput<O>> {
    const body = encodeInput(operation, input);
    const queueUrl = "QueueUrl" in input ? input.QueueUrl : undefined;
    const timeoutMs = this.#requestTimeoutMs + waitMs(operation, input);
    const destination =
      this.#destinations.peek(queueUrl) ??
      (await this.#setUp(operation, signal, this.#destinations.find(operation, queueUrl)));

    const target = `AmazonSQS.${operation}`;
    let refundTokens = 0;
    let mayCorrectClock = true;
    let mayRenew = true;
    for (let failures = 0; ;) {
      const credentials = await this.#identify(operation, signal);
      const signedOffsetMs = this.#serverClock.offsetMs;
      const { host, canonicalPath, region } = destination;
      const nowMs = this.#serverClock.now();
      const headers = this.#signer.sign(
        { host, canonicalPath, target, body, region, nowMs },
        credentials,
      );
      try {
        const answer = await this.#send(
          operation,
          { destination, headers, body },
          timeoutMs,
          signal,
        );
        if (answer.statusCode !== 200) {
          const { secretAccessKey, sessionToken } = credentials;
          throw decodeError(operation, answer, [secretAccessKey, sessionToken]);
        }
        const output = decodeOutput(operation, answer);
        this.#budget.give(refundTokens);
        return output;
      } catch (error) {
        if (!(error instanceof SqsError)) throw error;
        if (mayCorrectClock && this.#isSkewRefusal(error, signedOffsetMs)) {
          mayCorrectClock = false;
          continue;
        }
        if (mayRenew && error instanceof SqsServiceError && expiredRefusals.has(error.errorName)) {
          mayRenew = false;
          if (await this.#renew(operation, credentials, signal)) continue;
          throw error;
        }
        failures++;
        const plan = planRetry(operation, error);
        if (plan === undefined || failures >= this.#maxAttempts) throw error;
        if (!this.#budget.take(plan.cost)) throw error;
        refundTokens = plan.cost;
        await sleep(this.#clock, fullJitterMs(plan.backoff, failures - 1, this.#random), signal);
      }
    }
  }

  #send(
    operation: SqsOperation,
    parts: { destination: Destination; headers: string[]; body: Uint8Array },
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): ReturnType<typeof exchange> {
    const { origin, path } = parts.destination;
    const { headers, body } = parts;
    return exchange(
      this.#pool(origin),
      { operation, origin, path, headers, body },
      {
        clock: this.#clock,
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
  }

  #pool(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: this.#connections,
        connect: connector(this.#clock, this.#connectTimeoutMs),
        keepAliveTimeout: keepAliveMs,
        pipelining: 1,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  async #identify(operation: string, signal: AbortSignal | undefined): Promise<AwsCredentials> {
    return (
      this.#credentials.peek() ??
      this.#setUp(operation, signal, presentable(operation, this.#credentials.get()))
    );
  }

  #renew(
    operation: string,
    refused: AwsCredentials,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    return this.#setUp(operation, signal, presentable(operation, this.#credentials.renew(refused)));
  }

  /** Waits for something other calls may wait for too: it goes on when this call gives up. */
  #setUp<T>(operation: string, signal: AbortSignal | undefined, result: Promise<T>): Promise<T> {
    return waitFor(result, {
      clock: this.#clock,
      timeoutMs: setupTimeoutMs,
      signal,
      onTimeout: () => new SqsTimeoutError(operation, setupTimeoutMs),
    });
  }

  #isSkewRefusal(error: SqsError, signedOffsetMs: number): boolean {
    return (
      error instanceof SqsServiceError &&
      skewRefusals.has(error.errorName) &&
      this.#serverClock.offsetMs !== signedOffsetMs
    );
  }
}

async function presentable<T>(operation: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw toCredentialsError(operation, error);
  }
}

function wholeNumber(option: "maxAttempts" | "connections", given: number | undefined): number {
  const value = given ?? defaults[option];
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new OptionError(option, "a whole number of at least 1", value);
  }
  return value;
}

function duration(
  option: "connectTimeoutMs" | "requestTimeoutMs",
  given: number | undefined,
): number {
  const value = given ?? defaults[option];
  if (typeof value !== "number" || !(value > 0) || value > 3_600_000) {
    throw new OptionError(option, "more than 0 and at most 3,600,000 ms", value);
  }
  return value;
}

function regionOption(region: string | undefined): string | undefined {
  if (region !== undefined && (typeof region !== "string" || !isRegion(region))) {
    throw new OptionError("region", "an AWS region, such as eu-west-1", region);
  }
  return region;
}

function endpointOption(endpoint: string | URL | undefined): URL | undefined {
  if (endpoint === undefined) return undefined;
  const url = parseEndpoint(String(endpoint));
  if (url === undefined) {
    const expected = "an http or https URL without user, query and fragment";
    throw new OptionError("endpoint", expected, hideUser(String(endpoint)));
  }
  return url;
}

/** A URL with a password in it is refused, but not repeated in the error. */
function hideUser(endpoint: string): string {
  return endpoint.replace(/\/\/[^/]*@/, "//(not shown)@");
}

function credentialsOption(
  given: AwsCredentials | AwsCredentialsProvider | undefined,
): AwsCredentials | AwsCredentialsProvider {
  if (given === undefined) return defaultProvider();
  if (typeof given === "function") return given;
  try {
    return validated(given);
  } catch (error) {
    // What was received is a secret.
    const fault = error instanceof Error ? error.message : "";
    const expected = "an object with accessKeyId and secretAccessKey, or an async provider of one";
    throw new OptionError("credentials", expected, `(not shown) ${fault}`);
  }
}

/** The SDK's chain, loaded at the first call that needs it: who passes credentials never pays for it. */
function defaultProvider(): AwsCredentialsProvider {
  let chain: Promise<AwsCredentialsProvider> | undefined;
  return async (options) => {
    chain ??= import("@aws-sdk/credential-provider-node").then(({ defaultProvider: create }) =>
      create(),
    );
    const provide = await chain;
    return provide(options);
  };
}
