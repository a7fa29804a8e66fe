/**
 * Owns the credentials of a client: fetched once for all callers, renewed before they expire or when they
 * were refused. It never signs with them, never shows them, and never waits for ever for their provider.
 */
import type { Clock } from "../clock.ts";
import { SqsCredentialsError, SqsServiceError, SqsTimeoutError } from "./errors.ts";
import type { SqsError } from "./errors.ts";
import { publicCause } from "./redaction.ts";
import { waitFor } from "./wait-for.ts";

/** An AWS identity: who calls, and the secret that proves it. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary credentials have one. */
  readonly sessionToken?: string | undefined;
  /** When they end. Without it they are kept until they are refused. */
  readonly expiration?: Date | undefined;
}

/**
 * Fetches credentials; the AWS SDK's providers (`fromIni()`, `fromSSO()`, …) fit. With `forceRefresh` those
 * it gave last were refused, and it must not answer from a cache.
 *
 * One that has not answered within 25 seconds, 5 while there are credentials that hold, is asked anew, so it
 * should not let that call wait for the one before.
 */
export type AwsCredentialsProvider = (options?: {
  readonly forceRefresh?: boolean;
}) => Promise<AwsCredentials>;

/** Credentials that end within this time are renewed, while calls go on with them. */
const renewBeforeMs = 300_000;
/** Credentials that end within this time are waited for. */
const requireBeforeMs = 60_000;
/**
 * While there are credentials that hold, a provider is not asked more often than this, whether it fails or
 * gives such as are about to end.
 */
const renewEveryMs = 30_000;
/**
 * When there are none, a provider that has failed is not asked again within this time: calls get the error it
 * failed with. Short, since nothing works until it does.
 */
const retryEveryMs = 1_000;
/**
 * How long a provider may take: SSO and processes take a while. Together with {@link spareMs}, which a fetch
 * that is under way may take first, it is what a call waits for its set-up.
 */
const answerWithinMs = 25_000;
/** How long it may take while there are credentials that hold, and calls wait for better ones. */
const spareMs = 5_000;

/** Credentials, shared by all calls of one client. */
export class Credentials {
  readonly #clock: Clock;
  readonly #provider: AwsCredentialsProvider;
  /** These four are written by #take and #putOff alone. Times in ms since the epoch. */
  #current: AwsCredentials | undefined;
  #endAtMs = 0;
  /** When to ask again without waiting. */
  #renewAtMs = 0;
  /** When to wait for the answer. */
  #requireAtMs = 0;
  /** The one fetch under way. Set by #fetch, cleared when it settles, which it does in time. */
  #fetching: Promise<AwsCredentials> | undefined;
  /** Calls of the provider so far, and the latest of them that was answered. Written by #ask and #take. */
  #asked = 0;
  #answered = 0;
  /** Why the last fetch failed, and until when that is not tried again. Written by #putOff, cleared by #take. */
  #failure: Failure | undefined;

  constructor(source: AwsCredentials | AwsCredentialsProvider, clock: Clock) {
    this.#clock = clock;
    if (typeof source === "function") {
      this.#provider = source;
    } else {
      // A copy, so that a caller who changes the object later does not change it under a signature.
      const fixed = { ...source };
      this.#provider = () => Promise.resolve(fixed);
    }
  }

  /** The credentials, when they are at hand and need not be waited for. */
  peek(): AwsCredentials | undefined {
    const now = this.#clock.now();
    if (this.#current === undefined || now >= this.#requireAtMs) return undefined;
    if (now >= this.#renewAtMs) {
      // Its failure is no one's yet: the credentials still hold, and get asks again before they end.
      this.#fetch(false).catch(() => {});
    }
    return this.#current;
  }

  /**
   * The credentials, fetched when there are none or they are about to end. Those that are at hand will do, as
   * long as they hold, when there are no others in time.
   *
   * @throws whatever the provider threw, or that it did not answer; {@link toCredentialsError} makes it
   * presentable.
   */
  async get(): Promise<AwsCredentials> {
    const ready = this.peek();
    if (ready !== undefined) return ready;
    try {
      return await this.#fetch(false);
    } catch (error) {
      if (this.#current !== undefined && this.#holds()) return this.#current;
      throw error;
    }
  }

  /**
   * After `refused` were refused as expired: whether there are others now. Fetches them, unless another
   * call has done so already.
   */
  async renew(refused: AwsCredentials): Promise<boolean> {
    // A fetch under way may be answered from the provider's cache, with what was refused. How it fails is its
    // own callers' concern.
    if (this.#current === refused) await this.#fetching?.catch(() => {});
    if (this.#current === refused) await this.#fetch(true);
    return this.#current !== refused;
  }

  #holds(): boolean {
    return this.#current !== undefined && this.#clock.now() < this.#endAtMs;
  }

  #fetch(forceRefresh: boolean): Promise<AwsCredentials> {
    this.#fetching ??= this.#inTime(forceRefresh).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /**
   * A provider that does not answer in time is left alone, and may be asked anew. What it says late is taken
   * all the same, unless it was asked and has answered since.
   */
  async #inTime(forceRefresh: boolean): Promise<AwsCredentials> {
    const failure = this.#failure;
    const lately = failure !== undefined && this.#clock.monotonicMs() < failure.untilMs;
    // One that fails to renew may have others when it must.
    if (lately && (failure.forced || !forceRefresh)) throw failure.error;
    const timeoutMs = this.#holds() && !forceRefresh ? spareMs : answerWithinMs;
    try {
      return await waitFor(this.#ask(forceRefresh), {
        clock: this.#clock,
        timeoutMs,
        onTimeout: () => new ProviderTimeout(timeoutMs),
      });
    } catch (error) {
      this.#putOff(error, forceRefresh);
      throw error;
    }
  }

  async #ask(forceRefresh: boolean): Promise<AwsCredentials> {
    const serial = ++this.#asked;
    const given = validated(await this.#provider(forceRefresh ? { forceRefresh } : undefined));
    return this.#take(given, serial);
  }

  #take(given: AwsCredentials, serial: number): AwsCredentials {
    if (this.#current !== undefined && serial < this.#answered) return this.#current;
    // The same object for the same credentials: signing keys are kept by it.
    const current = isSame(this.#current, given) ? this.#current : given;
    const soonest = this.#clock.now() + renewEveryMs;
    this.#answered = serial;
    this.#failure = undefined;
    this.#current = current;
    this.#endAtMs = given.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    this.#renewAtMs = Math.max(soonest, this.#endAtMs - renewBeforeMs);
    this.#requireAtMs = Math.max(soonest, this.#endAtMs - requireBeforeMs);
    return current;
  }

  #putOff(error: unknown, forced: boolean): void {
    const soonest = this.#clock.now() + renewEveryMs;
    this.#failure = { error, forced, untilMs: this.#clock.monotonicMs() + retryEveryMs };
    this.#renewAtMs = soonest;
    this.#requireAtMs = Math.max(this.#requireAtMs, Math.min(soonest, this.#endAtMs));
  }
}

/** What the last fetch came to. */
interface Failure {
  readonly error: unknown;
  /** Whether it was to go past the provider's cache. */
  readonly forced: boolean;
  /** On the monotonic clock. */
  readonly untilMs: number;
}

/** A provider's answer has not come in time. */
class ProviderTimeout extends Error {
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super("the provider of AWS credentials gave none");
    this.timeoutMs = timeoutMs;
  }
}

/** Whether SQS refused the call because its credentials have ended. */
export function isExpiredRefusal(error: unknown): boolean {
  return (
    error instanceof SqsServiceError &&
    (error.errorName === "ExpiredToken" || error.errorName === "ExpiredTokenException")
  );
}

/** What a call rejects with when its credentials could not be had. */
export function toCredentialsError(operation: string, error: unknown): SqsError {
  const cause = publicCause(error);
  if (error instanceof ProviderTimeout) {
    return new SqsTimeoutError(operation, error.timeoutMs, { cause, mayBeApplied: false });
  }
  return new SqsCredentialsError(`${operation}: no AWS credentials: ${cause.message}`, operation, {
    cause,
  });
}

/**
 * Checks what a provider gave, by name and never by value.
 *
 * @throws TypeError
 */
export function validated(given: AwsCredentials): AwsCredentials {
  const values: unknown = given;
  if (typeof values !== "object" || values === null) {
    throw new TypeError("the provider gave no credentials");
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = given;
  requireText("accessKeyId", accessKeyId);
  requireText("secretAccessKey", secretAccessKey);
  if (sessionToken !== undefined) requireText("sessionToken", sessionToken);
  const dated = expiration instanceof Date && !Number.isNaN(expiration.getTime());
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration: dated ? expiration : undefined,
  };
}

function requireText(name: string, value: unknown): void {
  if (typeof value !== "string" || value === "") {
    throw new TypeError(`${name} is missing`);
  }
  // A key copied with its line break would make a header that cannot be sent.
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new TypeError(`${name} holds a space, a line break or another character it cannot hold`);
  }
}

function isSame(a: AwsCredentials | undefined, b: AwsCredentials): a is AwsCredentials {
  return (
    a?.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken
  );
}
