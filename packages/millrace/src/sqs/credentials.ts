/**
 * Owns the credentials of a client: fetched once for all callers, renewed before they expire or when they
 * were refused. It never signs with them, and never shows them.
 */
import type { Clock } from "../clock.ts";
import { SqsCredentialsError, SqsServiceError } from "./errors.ts";
import { publicCause } from "./redaction.ts";

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
 */
export type AwsCredentialsProvider = (options?: {
  readonly forceRefresh?: boolean;
}) => Promise<AwsCredentials>;

/** Credentials that end within this time are renewed, while calls go on with them. */
const renewBeforeMs = 300_000;
/** Credentials that end within this time are waited for. */
const requireBeforeMs = 60_000;
/** A provider that gives short-lived or expired credentials, or fails, is not asked more often than this. */
const renewEveryMs = 30_000;

/** Credentials, shared by all calls of one client. */
export class Credentials {
  readonly #clock: Clock;
  readonly #provider: AwsCredentialsProvider;
  /** These four are written by #ask alone, when the provider has answered. Times in ms since the epoch. */
  #current: AwsCredentials | undefined;
  #endAtMs = 0;
  /** When to ask again without waiting. */
  #renewAtMs = 0;
  /** When to wait for the answer. */
  #requireAtMs = 0;
  /** The one provider call under way. Set by #fetch, cleared when it settles. */
  #fetching: Promise<AwsCredentials> | undefined;

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
   * The credentials, fetched when there are none or they are about to end.
   *
   * @throws whatever the provider threw; {@link toCredentialsError} makes it presentable.
   */
  async get(): Promise<AwsCredentials> {
    const ready = this.peek();
    if (ready !== undefined) return ready;
    try {
      return await this.#fetch(false);
    } catch (error) {
      if (this.#current !== undefined && this.#clock.now() < this.#endAtMs) return this.#current;
      throw error;
    }
  }

  /**
   * After `refused` were refused as expired: whether there are others now. Fetches them, unless another
   * call has done so already.
   */
  async renew(refused: AwsCredentials): Promise<boolean> {
    // A fetch under way may be answered from the provider's cache, with what was refused.
    if (this.#current === refused) await this.#fetching;
    if (this.#current === refused) await this.#fetch(true);
    return this.#current !== refused;
  }

  #fetch(forceRefresh: boolean): Promise<AwsCredentials> {
    this.#fetching ??= this.#ask(forceRefresh).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #ask(forceRefresh: boolean): Promise<AwsCredentials> {
    try {
      const given = validated(await this.#provider(forceRefresh ? { forceRefresh } : undefined));
      // The same object for the same credentials: signing keys are kept by it.
      const current = isSame(this.#current, given) ? this.#current : given;
      const soonest = this.#clock.now() + renewEveryMs;
      this.#current = current;
      this.#endAtMs = given.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
      this.#renewAtMs = Math.max(soonest, this.#endAtMs - renewBeforeMs);
      this.#requireAtMs = Math.max(soonest, this.#endAtMs - requireBeforeMs);
      return current;
    } catch (error) {
      const soonest = this.#clock.now() + renewEveryMs;
      this.#renewAtMs = soonest;
      this.#requireAtMs = Math.max(this.#requireAtMs, Math.min(soonest, this.#endAtMs));
      throw error;
    }
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
export function toCredentialsError(operation: string, error: unknown): SqsCredentialsError {
  const cause = publicCause(error);
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
