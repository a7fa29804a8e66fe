/**
 * Owns the options of HttpSqs: what they mean, their defaults, and which are refused. It never reads the
 * environment; what is left out of region and endpoint is found at the first call.
 */
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { OptionError, withoutUser } from "../errors.ts";
import {
  checkOptionNames,
  requireClock,
  requireDeadline,
  requireFunction,
  requireNumber,
} from "../option-checks.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import { validated } from "./credentials.ts";
import type { AwsCredentials, AwsCredentialsProvider } from "./credentials.ts";
import { parseEndpoint } from "./destination.ts";
import { publicCause } from "./redaction.ts";
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
  /** How often a call is attempted in all when faults and throttles stand in its way. 1 to 100, default 3. */
  readonly maxAttempts?: number | undefined;
  /**
   * Connections at once to one origin, 1 to 65,535, default 256. Every open long poll holds one; calls beyond wait, and
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

const known: ReadonlySet<string> = new Set<keyof HttpSqsOptions>([
  "region",
  "endpoint",
  "credentials",
  "maxAttempts",
  "connections",
  "connectTimeoutMs",
  "requestTimeoutMs",
  "clock",
  "random",
]);

/** @throws OptionError for the first option that cannot work, with the value that was received unless it is secret. */
export function readOptions(options: HttpSqsOptions): HttpSqsSettings {
  checkOptionNames(options, known);
  const { maxAttempts, connections, connectTimeoutMs, requestTimeoutMs } = options;
  const { clock = systemClock, random = systemRandom } = options;
  requireClock(clock);
  requireFunction("random", random);
  return {
    region: regionOption(options.region),
    endpoint: endpointOption(options.endpoint),
    credentials: credentialsOption(options.credentials),
    maxAttempts: wholeNumber("maxAttempts", 100, maxAttempts),
    connections: wholeNumber("connections", 65_535, connections),
    connectTimeoutMs: duration("connectTimeoutMs", connectTimeoutMs),
    requestTimeoutMs: duration("requestTimeoutMs", requestTimeoutMs),
    clock,
    random,
  };
}

function wholeNumber(
  option: "maxAttempts" | "connections",
  max: number,
  value: number = defaults[option],
): number {
  requireNumber(option, value, { min: 1, max, whole: true });
  return value;
}

function duration(
  option: "connectTimeoutMs" | "requestTimeoutMs",
  value: number = defaults[option],
): number {
  requireDeadline(option, value);
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
  const text = endpointText(endpoint);
  const url = text === undefined ? undefined : parseEndpoint(text);
  if (url === undefined) {
    const expected = "an http or https URL without user, query and fragment";
    throw new OptionError("endpoint", expected, text === undefined ? endpoint : withoutUser(text));
  }
  return url;
}

/** By its property: a URL of another realm is no instance of this one's class. Undefined for anything else. */
function endpointText(endpoint: unknown): string | undefined {
  if (typeof endpoint === "string") return endpoint;
  try {
    const href: unknown = endpoint instanceof Object ? Reflect.get(endpoint, "href") : undefined;
    return typeof href === "string" ? href : undefined;
  } catch {
    return undefined;
  }
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
  /** The chain while it owes an answer. */
  let busy: AwsCredentialsProvider | undefined;
  return async (options) => {
    // It was given up. Another: a chain lets every call wait for the one that hangs.
    if (busy !== undefined) chain = undefined;
    chain ??= (await import("@aws-sdk/credential-provider-node")).defaultProvider();
    const asked = chain;
    busy = asked;
    try {
      return await asked(options);
    } catch (error) {
      const { message } = publicCause(error);
      const hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the option";
      throw new Error(`${message}; ${hint} credentials`, { cause: error });
    } finally {
      if (busy === asked) busy = undefined;
    }
  };
}
