/**
 * Owns the start of a local SQS: its options, the service and the HTTP front that they make, and the
 * order in which these come up and go down.
 */
import { OptionError, SqsServiceError } from "millrace";
import type { SqsOperation } from "millrace";
import { HttpFront } from "./http-front.ts";
import { checkOptions, hasMethods, isObject, isText, isWhole } from "./option-rules.ts";
import type { OptionRules } from "./option-rules.ts";
import { SqsService, serviceOptionRules } from "./service.ts";
import type { SqsServiceOptions } from "./service.ts";
import { SignatureVerifier } from "./signature.ts";
import type { LocalCredentials } from "./signature.ts";

/** A queue to be created at the start. */
export interface LocalQueue {
  readonly name: string;
  /** As CreateQueue takes them. `FifoQueue` need not be given: the name says it. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

/** Options of {@link startLocalSqs}. Those of {@link SqsService} are passed on to it. */
export interface LocalSqsOptions extends Omit<SqsServiceOptions, "origin"> {
  /** Default 9324. 0: any free one. */
  readonly port?: number | undefined;
  /** What to listen on. Default `127.0.0.1`: nobody but this machine. */
  readonly host?: string | undefined;
  /** Queues that exist from the start, in this order: a dead-letter queue before its sources. */
  readonly queues?: readonly (string | LocalQueue)[] | undefined;
  /** Given: every request must be signed by one of them. Default: any request is taken, signed or not. */
  readonly credentials?: LocalCredentials | readonly LocalCredentials[] | undefined;
  /**
   * A service to put HTTP in front of, in place of a new one. `stop` leaves it open, and the options
   * of SqsService have no place beside it, but for `region`, which signatures are checked by.
   */
  readonly service?: SqsService | undefined;
}

/** A local SQS that is up. */
export interface LocalSqs extends AsyncDisposable {
  /** `http://127.0.0.1:9324`: what clients are given as endpoint. */
  readonly endpoint: string;
  readonly port: number;
  /** What answers; call it directly for what HTTP would only slow down. */
  readonly service: SqsService;
  /**
   * The URL of a queue that exists.
   *
   * @throws SqsServiceError QueueDoesNotExist
   */
  queueUrl(name: string): string;
  /** Requests by operation, since the start: those that reached the service, errors included. */
  requests(): Readonly<Partial<Record<SqsOperation, number>>>;
  /** Cuts every connection, open polls too, and frees the port. May be called again. */
  stop(): Promise<void>;
}

const defaults = { port: 9324, host: "127.0.0.1", region: "us-east-1" };

const { origin: _origin, ...rulesOfService } = serviceOptionRules;

/** What the options take. */
const rules: OptionRules<LocalSqsOptions> = {
  ...rulesOfService,
  port: {
    expected: "an integer from 0 to 65535",
    holds: (value) => isWhole(value, 0, 65_535),
  },
  host: { expected: "an address or a name", holds: isText },
  queues: {
    expected: "an array of names, or of { name, attributes }",
    holds: (value) => Array.isArray(value) && value.every(isQueue),
  },
  credentials: {
    expected: "{ accessKeyId, secretAccessKey }, or an array of such",
    holds: (value) => (Array.isArray(value) ? value.every(isCredentials) : isCredentials(value)),
    secret: true,
  },
  service: {
    expected: "an SqsService",
    holds: (value) => hasMethods(value, ["call", "queueUrls", "close"]),
  },
};

function isQueue(value: unknown): boolean {
  if (!isObject(value)) return typeof value === "string";
  const { name, attributes } = value;
  return typeof name === "string" && (attributes === undefined || isObject(attributes));
}

function isCredentials(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = value;
  return (
    typeof accessKeyId === "string" &&
    typeof secretAccessKey === "string" &&
    (sessionToken === undefined || typeof sessionToken === "string") &&
    (expiresAt === undefined || typeof expiresAt === "number")
  );
}

/**
 * Starts Amazon SQS on this machine.
 *
 * @throws OptionError for an option that cannot work.
 * @throws ListenError when the port is taken, or the host is none of this machine.
 * @throws SqsServiceError when a queue cannot be created.
 *
 * @example
 * const server = await startLocalSqs({ port: 0, queues: ["orders"] });
 * const sqs = new HttpSqs({ endpoint: server.endpoint, region: "us-east-1", credentials });
 * await sqs.call("SendMessage", { QueueUrl: server.queueUrl("orders"), MessageBody: "hello" });
 * await server.stop();
 */
export async function startLocalSqs(options: LocalSqsOptions = {}): Promise<LocalSqs> {
  checkOptions(options, rules);
  const { port = defaults.port, host = defaults.host, queues = [], service: given } = options;
  if (given !== undefined) refuseServiceOptions(options);
  const service = given ?? new SqsService(ofService(options));
  const front = new HttpFront(service, verifierOf(options, service));

  const stop = async (): Promise<void> => {
    await front.stop();
    if (given === undefined) service.close();
  };
  try {
    const address = await front.listen(host, port);
    const endpoint = `http://${hostOf(host)}:${address.port}`;
    service.origin = endpoint;
    for (const queue of queues) await createQueue(service, queue);
    return {
      endpoint,
      port: address.port,
      service,
      queueUrl: (name) => queueUrlOf(service, name),
      requests: () => front.requests(),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The options of SqsService but region, which signatures need as well. */
function refuseServiceOptions(options: LocalSqsOptions): void {
  const { clock, random, accountId, reorder, duplicateRate, inFlightLimit } = options;
  const given = { clock, random, accountId, reorder, duplicateRate, inFlightLimit };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    throw new OptionError(name, "left out where a service is given, which has its own", value);
  }
}

/** What a new service is made of. */
function ofService(options: LocalSqsOptions): SqsServiceOptions {
  const { clock, random, region, accountId, reorder, duplicateRate, inFlightLimit } = options;
  return { clock, random, region, accountId, reorder, duplicateRate, inFlightLimit };
}

function verifierOf(
  { credentials, region = defaults.region }: LocalSqsOptions,
  { clock }: SqsService,
): SignatureVerifier | undefined {
  if (credentials === undefined) return undefined;
  const list = "accessKeyId" in credentials ? [credentials] : credentials;
  return new SignatureVerifier({ credentials: list, region, clock });
}

/** What stands for every address is none to connect to. */
function hostOf(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

async function createQueue(service: SqsService, queue: string | LocalQueue): Promise<void> {
  const { name, attributes = {} } = typeof queue === "string" ? { name: queue } : queue;
  const fifo = name.endsWith(".fifo") ? { FifoQueue: "true" } : {};
  await service.call("CreateQueue", { QueueName: name, Attributes: { ...fifo, ...attributes } });
}

function queueUrlOf(service: SqsService, name: string): string {
  const url = service.queueUrls().find((candidate) => candidate.endsWith(`/${name}`));
  if (url !== undefined) return url;
  throw new SqsServiceError({
    operation: "GetQueueUrl",
    errorName: "QueueDoesNotExist",
    text: `there is no queue "${name}"`,
    statusCode: 400,
    senderFault: true,
  });
}
