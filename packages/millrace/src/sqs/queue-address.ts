/**
 * Owns how a queue is named: by URL, by ARN or by name, and what each of these says about it. It never
 * decides where calls are sent; that is the client's.
 */
import { OptionError, withoutUser } from "../errors.ts";
import type { SqsApi, SqsOutput } from "./api.ts";
import { SqsRequestError, SqsResponseError } from "./errors.ts";
import { maxQueueNameLength } from "./limits.ts";
import { regionOfHost } from "./region.ts";

/** What a queue's URL, ARN or name says about it. */
export interface QueueAddress {
  readonly kind: "url" | "arn" | "name";
  /** The queue's name, `.fifo` included. */
  readonly name: string;
  /** Whether it is a FIFO queue: its name ends in `.fifo`, or it is none. */
  readonly fifo: boolean;
  /** The account that owns it, twelve digits, when that is known. */
  readonly accountId?: string | undefined;
  /** The region it is in, when that is known. */
  readonly region?: string | undefined;
}

const expected =
  "the queue's URL (https://sqs.<region>.amazonaws.com/<account>/<name>), ARN (arn:aws:sqs:<region>:<account>:<name>) or name";

/**
 * Reads a queue's URL, ARN or name.
 *
 * A URL is any http or https URL whose path ends in the queue's name, so that it also serves stand-ins for SQS.
 *
 * @throws OptionError when it is none of the three.
 */
export function parseQueue(queue: string): QueueAddress {
  const address = typeof queue === "string" ? read(queue) : undefined;
  if (address === undefined) {
    const shown: unknown = typeof queue === "string" ? withoutUser(queue) : queue;
    throw new OptionError("queue", expected, shown);
  }
  return address;
}

function read(queue: string): QueueAddress | undefined {
  if (queue.startsWith("arn:")) return readArn(queue);
  if (/^https?:\/\//i.test(queue)) return readUrl(queue);
  return isQueueName(queue) ? named("name", queue) : undefined;
}

function readArn(arn: string): QueueAddress | undefined {
  const [, partition, service, region = "", accountId = "", name = "", ...rest] = arn.split(":");
  const sound =
    /^aws[a-z-]*$/.test(partition ?? "") &&
    service === "sqs" &&
    /^[a-z0-9-]+$/.test(region) &&
    isAccountId(accountId) &&
    isQueueName(name) &&
    rest.length === 0;
  return sound ? { ...named("arn", name), region, accountId } : undefined;
}

function readUrl(text: string): QueueAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") return undefined;
  if (url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "") {
    return undefined;
  }
  const segments = url.pathname.split("/");
  const name = segments.at(-1) ?? "";
  if (!isQueueName(name)) return undefined;
  const account = segments.at(-2) ?? "";
  return {
    ...named("url", name),
    accountId: isAccountId(account) ? account : undefined,
    region: regionOfHost(url.hostname),
  };
}

function named(kind: QueueAddress["kind"], name: string): QueueAddress {
  return { kind, name, fifo: name.endsWith(".fifo") };
}

function isQueueName(name: string): boolean {
  return name.length <= maxQueueNameLength && /^[A-Za-z0-9_-]+(?:\.fifo)?$/.test(name);
}

function isAccountId(account: string): boolean {
  return /^\d{12}$/.test(account);
}

/**
 * The URL of a queue. A URL is its own answer; an ARN and a name cost one GetQueueUrl.
 *
 * A name is looked up in the account of the credentials, an ARN in the account it names.
 *
 * @throws OptionError when `queue` is no URL, ARN or name; SqsError when the look-up fails, or finds a queue in
 * another region than the ARN's; the signal's reason after an abort.
 */
export async function resolveQueueUrl(
  sqs: SqsApi,
  queue: string,
  signal?: AbortSignal,
): Promise<string> {
  const address = parseQueue(queue);
  if (address.kind === "url") return queue;
  const input = { QueueName: address.name, QueueOwnerAWSAccountId: address.accountId };
  // Optional: an SqsApi of the user's own may answer nothing, whatever its type says.
  const output: SqsOutput<"GetQueueUrl"> | undefined = await sqs.call("GetQueueUrl", input, {
    signal,
  });
  const url = output?.QueueUrl;
  const answered = typeof url === "string" ? readUrl(url) : undefined;
  // Calls go where the URL says: another queue's would be consumed in place of this one.
  if (url === undefined || answered?.name !== address.name) {
    throw new SqsResponseError(`GetQueueUrl: no URL of ${queue} came back`, "GetQueueUrl");
  }
  const found = answered.region;
  // A queue of the same name in another region is another queue, and would be taken for this one.
  if (address.region !== undefined && found !== undefined && found !== address.region) {
    throw new SqsRequestError(
      `GetQueueUrl: ${queue} is in ${address.region}, but calls go to ${found}`,
      "GetQueueUrl",
    );
  }
  return url;
}
