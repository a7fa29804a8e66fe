/**
 * Owns the queue between web server and workers: a local one, or that of QUEUE_URL, and how other programs are
 * told where it is. It never sends or receives.
 */
import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { OptionError, parseQueue } from "millrace";
import { localCredentials, localRegion, queueName } from "programs";
import type { Surroundings } from "programs";

/** Where messages end that can never be decided. */
const deadLetterName = `${queueName}_dead`;

/** High, since every death of a worker counts as a receive of what it had in hand. */
const maxReceiveCount = 50;

/** Starts SQS on this machine, with the office's two queues. */
export function startOfficeSqs(duplicateRate = 0): Promise<LocalSqs> {
  const deadLetterTargetArn = `arn:aws:sqs:${localRegion}:000000000000:${deadLetterName}`;
  return startLocalSqs({
    port: 0,
    duplicateRate,
    queues: [
      deadLetterName,
      {
        name: queueName,
        attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) },
      },
    ],
  });
}

/** How many messages there are in the office's queues, in flight and delayed ones included. */
export async function messagesIn(sqs: LocalSqs): Promise<{ queue: number; deadLetters: number }> {
  const count = async (name: string): Promise<number> => {
    const { Attributes = {} } = await sqs.service.call("GetQueueAttributes", {
      QueueUrl: sqs.queueUrl(name),
      AttributeNames: ["All"],
    });
    const kinds = ["", "NotVisible", "Delayed"] as const;
    return kinds
      .map((kind) => Number(Attributes[`ApproximateNumberOfMessages${kind}`] ?? 0))
      .reduce((sum, some) => sum + some, 0);
  };
  return { queue: await count(queueName), deadLetters: await count(deadLetterName) };
}

type OfficeVariable =
  | "QUEUE_URL"
  | "AWS_ENDPOINT_URL_SQS"
  | "AWS_REGION"
  | "AWS_ACCESS_KEY_ID"
  | "AWS_SECRET_ACCESS_KEY";

/** What other programs find it by. */
export function environmentOf(sqs: LocalSqs): Readonly<Record<OfficeVariable, string>> {
  return {
    QUEUE_URL: sqs.queueUrl(queueName),
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_REGION: localRegion,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
  };
}

/**
 * @throws OptionError for what is no queue, and for a FIFO queue: the outbox gives its messages no group, and
 * reservations for different seats need no order.
 */
export function requireStandardQueue(queue: string): void {
  if (parseQueue(queue).fifo) throw new OptionError("queue", "a standard queue", queue);
}

/** The queue of QUEUE_URL, which is left as it is, or one that lives as long as this program. */
export async function openQueue({
  screen,
}: Surroundings): Promise<{ readonly env: Readonly<Record<string, string>> } & AsyncDisposable> {
  const url = process.env["QUEUE_URL"] ?? "";
  if (url !== "") {
    requireStandardQueue(url);
    screen.line("sqs", "the queue of QUEUE_URL", "quiet");
    return { env: { QUEUE_URL: url }, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const sqs = await startOfficeSqs();
  screen.line("sqs", `${queueName} at ${sqs.endpoint}`, "quiet");
  return { env: environmentOf(sqs), [Symbol.asyncDispose]: () => sqs.stop() };
}
