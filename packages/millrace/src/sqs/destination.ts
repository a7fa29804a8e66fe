/**
 * Owns where a call goes and for which region it is signed. It never opens a connection.
 */
import { SqsError, SqsRequestError } from "./errors.ts";
import { publicCause } from "./redaction.ts";
import { endpointOfRegion, isRegion, regionOfHost } from "./region.ts";
import { loadEndpoint, loadRegion } from "./settings.ts";
import { canonicalPath } from "./signer.ts";

/** Where a call goes. */
export interface Destination {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Host and port, as in the Host header. */
  readonly host: string;
  readonly path: string;
  /** The path as the signature has it. */
  readonly canonicalPath: string;
  readonly region: string;
}

/** Queue URLs whose destinations are kept. */
const maxKept = 1_000;

/**
 * Finds destinations. The endpoint, as the AWS SDK has it: option, environment, config files, else the queue
 * URL's origin, else SQS in the region. The region: option, what the host of the endpoint or of the queue URL
 * names, environment, config files.
 */
export class Destinations {
  readonly #endpoint: URL | undefined;
  readonly #region: string | undefined;
  /** By queue URL; undefined for calls that name no queue. Written by #find, cleared when full. */
  readonly #known = new Map<string | undefined, Destination>();
  /** What was read, once, of the environment and the config files; a failed read is not kept. */
  #configuredEndpoint: Promise<URL | undefined> | undefined;
  #configuredRegion: Promise<string> | undefined;

  constructor(endpoint: URL | undefined, region: string | undefined) {
    this.#endpoint = endpoint;
    this.#region = region;
  }

  /** The destination, when it has been found before. */
  peek(queueUrl: string | undefined): Destination | undefined {
    return this.#known.get(queueUrl);
  }

  /** @throws SqsRequestError when no region is known, or a URL is none. */
  async find(operation: string, queueUrl: string | undefined): Promise<Destination> {
    try {
      const destination = await this.#find(queueUrl);
      if (this.#known.size >= maxKept) this.#known.clear();
      this.#known.set(queueUrl, destination);
      return destination;
    } catch (error) {
      if (error instanceof SqsError) throw error;
      const cause = publicCause(error);
      throw new SqsRequestError(`${operation}: ${cause.message}`, operation, { cause });
    }
  }

  async #find(queueUrl: string | undefined): Promise<Destination> {
    const queue = queueUrl === undefined ? undefined : readQueueUrl(queueUrl);
    const endpoint = this.#endpoint ?? (await this.#loadEndpoint());
    const region =
      this.#region ??
      (endpoint && regionOfHost(endpoint.hostname)) ??
      (queue && regionOfHost(queue.hostname)) ??
      (await this.#loadRegion());
    const url = endpoint ?? (queue && new URL(queue.origin)) ?? endpointOfRegion(region);
    return {
      origin: url.origin,
      host: url.host,
      path: url.pathname,
      canonicalPath: canonicalPath(url.pathname),
      region,
    };
  }

  #loadEndpoint(): Promise<URL | undefined> {
    this.#configuredEndpoint ??= loadEndpoint()
      .then((text) => (text === undefined ? undefined : readEndpoint(text)))
      .catch((error: unknown) => {
        this.#configuredEndpoint = undefined;
        throw error;
      });
    return this.#configuredEndpoint;
  }

  #loadRegion(): Promise<string> {
    this.#configuredRegion ??= loadRegion()
      .catch((error: unknown) => {
        throw new Error("no AWS region is known: set AWS_REGION, or the option region", {
          cause: error,
        });
      })
      .then((region) => {
        if (isRegion(region)) return region;
        throw new Error(`the configured AWS region is none: ${JSON.stringify(region)}`);
      })
      .catch((error: unknown) => {
        this.#configuredRegion = undefined;
        throw error;
      });
    return this.#configuredRegion;
  }
}

/** An endpoint's URL, or undefined when the text is none that calls can be sent to. */
export function parseEndpoint(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const sound =
    url !== undefined &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.username === "" &&
    url.password === "" &&
    url.search === "" &&
    url.hash === "";
  return sound ? url : undefined;
}

function readEndpoint(text: string): URL {
  const url = parseEndpoint(text);
  if (url === undefined) throw new Error(`the configured endpoint is no http or https URL`);
  return url;
}

function readQueueUrl(text: string): URL {
  const url = typeof text === "string" ? parseEndpoint(text) : undefined;
  if (url === undefined) throw new Error("QueueUrl is no http or https URL");
  return url;
}
