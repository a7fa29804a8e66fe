/**
 * Owns the queue of the examples: its name, its local stand-in, and how other programs are told where that is. It
 * never sends or receives.
 */
import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs, LocalSqsOptions } from "@millrace/local-sqs";

export const queueName = "ticket_reservation_data_queue";

/** Where its messages end that are of no use to its consumers. */
export const deadLetterQueueName: string = `${queueName}_dead`;

export const localRegion = "us-east-1";

/** The local SQS of the examples takes any; these are obviously no real ones. */
export const localCredentials = { accessKeyId: "local", secretAccessKey: "local" } as const;

const localAccount = "000000000000";

/** High, since every death of a consumer counts as a receive of what it had in hand. */
const maxReceiveCount = 50;

/**
 * Starts SQS on this machine, with the queue, and its dead-letter queue.
 *
 * @throws ListenError when the port is taken.
 */
export function startLocalQueue(
  options: Pick<LocalSqsOptions, "port" | "duplicateRate">,
): Promise<LocalSqs> {
  const deadLetterTargetArn = `arn:aws:sqs:${localRegion}:${localAccount}:${deadLetterQueueName}`;
  return startLocalSqs({
    ...options,
    queues: [
      deadLetterQueueName,
      {
        name: queueName,
        attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) },
      },
    ],
  });
}

type QueueVariable =
  | "QUEUE_URL"
  | "AWS_ENDPOINT_URL_SQS"
  | "AWS_REGION"
  | "AWS_ACCESS_KEY_ID"
  | "AWS_SECRET_ACCESS_KEY";

/** What other programs find the local queue by, at the address of its SQS. */
export function localQueueVariables(endpoint: string): Readonly<Record<QueueVariable, string>> {
  return {
    QUEUE_URL: `${endpoint}/${localAccount}/${queueName}`,
    AWS_ENDPOINT_URL_SQS: endpoint,
    AWS_REGION: localRegion,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
  };
}
