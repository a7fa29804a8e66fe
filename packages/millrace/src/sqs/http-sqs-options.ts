/**
 * Owns the options of HttpSqs: what they mean, their defaults, and which are refused. It never reads the
 * environment; what is left out of region and endpoint is found at the first call.
 */
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { OptionError } from "../errors.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import { validated } from "./credentials.ts";
import type { AwsCredentials, AwsCredentialsProvider } from "./credentials.ts";
import { parseEndpoint } from "./destination.ts";
import { publicCause, withoutUser } from "./redaction.ts";
import { isRegion } from "./region.ts";

/** Options of `HttpSqs`. */
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

/** Options that were found sound, with defaults in place. */
export interface HttpSqsSettings {
  readonly region: string | undefined;
  readonly endpoint: URL | undefined;
  readonly credentials: AwsCredentials | AwsCredentialsProvider;
  readonly maxAttempts: number;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** @throws OptionError, with nothing secret in it. */
export function readOptions(options: HttpSqsOptions): HttpSqsSettings {
  return {
    region: regionOption(options.region),
    endpoint: endpointOption(options.endpoint),
    credentials: credentialsOption(options.credentials),
    maxAttempts: wholeNumber("maxAttempts", options.maxAttempts),
    connections: wholeNumber("connections", options.connections),
    connectTimeoutMs: duration("connectTimeoutMs", options.connectTimeoutMs),
    requestTimeoutMs: duration("requestTimeoutMs", options.requestTimeoutMs),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
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
    throw new OptionError("endpoint", expected, withoutUser(String(endpoint)));
  }
  return url;
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
  let chain: AwsCredentialsProvider | undefined;
  return async (options) => {
    chain ??= (await import("@aws-sdk/credential-provider-node")).defaultProvider();
    try {
      return await chain(options);
    } catch (error) {
      const { message } = publicCause(error);
      const hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the option";
      throw new Error(`${message}; ${hint} credentials`, { cause: error });
    }
  };
}
