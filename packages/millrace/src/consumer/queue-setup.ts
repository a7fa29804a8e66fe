/**
 * Owns what a consumer has to know of its queue before it starts. It never changes the queue.
 */
import type { Clock } from "../clock.ts";
import type { SqsApi, SqsOutput } from "../sqs/api.ts";
import { bounded } from "../sqs/bounded-call.ts";
import { SqsError } from "../sqs/errors.ts";
import { maxVisibilitySeconds } from "../sqs/limits.ts";
import { resolveQueueUrl } from "../sqs/queue-address.ts";
import { QueueSetupError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** Finding credentials is part of the first call, and single sign-on takes its time. */
const callTimeoutMs = 30_000;

/** A queue, ready to be consumed. */
export interface QueueSetup {
  readonly url: string;
  readonly visibilitySeconds: number;
  /** Undefined when the queue has none, or we may not read its redrive policy. */
  readonly deadLetterQueueArn: string | undefined;
}

/**
 * Looks the queue up.
 *
 * @param visibilityTimeoutSeconds the option, which overrules the queue's own.
 * @throws the SqsError of a look-up that failed; QueueSetupError when the queue's visibility timeout
 * is not usable; `signal.reason` after an abort.
 */
export async function setUpQueue(
  sqs: SqsApi,
  queue: string,
  visibilityTimeoutSeconds: number | undefined,
  logger: Logger,
  clock: Clock,
  signal: AbortSignal,
): Promise<QueueSetup> {
  const calls = bounded(sqs, clock, callTimeoutMs);
  const url = await resolveQueueUrl(calls, queue, signal);
  let attributes: Readonly<Record<string, string>>;
  try {
    // Optional: an SqsApi of the user's own may answer nothing, whatever its type says.
    const output: SqsOutput<"GetQueueAttributes"> | undefined = await calls.call(
      "GetQueueAttributes",
      { QueueUrl: url, AttributeNames: ["VisibilityTimeout", "RedrivePolicy"] },
      { signal },
    );
    attributes = output?.Attributes ?? {};
  } catch (error) {
    const denied = error instanceof SqsError && error.category === "denied";
    if (!denied || visibilityTimeoutSeconds === undefined) throw error;
    // Enough to work with. The first poll tells whether it was only this permission that is missing.
    logger.warn("GetQueueAttributes is denied: dead letters are retried instead", { error });
    attributes = {};
  }
  return {
    url,
    visibilitySeconds: visibilityTimeoutSeconds ?? ownVisibilitySeconds(url, attributes),
    deadLetterQueueArn: deadLetterQueueArn(attributes["RedrivePolicy"]),
  };
}

function ownVisibilitySeconds(url: string, attributes: Readonly<Record<string, string>>): number {
  const seconds = Number(attributes["VisibilityTimeout"]);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= maxVisibilitySeconds) return seconds;
  throw new QueueSetupError(
    `${url} has a visibility timeout of ${attributes["VisibilityTimeout"] ?? "unknown length"}, ` +
      "with which no message can be held; set visibilityTimeoutSeconds",
  );
}

function deadLetterQueueArn(redrivePolicy: string | undefined): string | undefined {
  if (redrivePolicy === undefined || redrivePolicy === "") return undefined;
  try {
    const policy: unknown = JSON.parse(redrivePolicy);
    const arn =
      typeof policy === "object" && policy !== null && "deadLetterTargetArn" in policy
        ? policy.deadLetterTargetArn
        : undefined;
    return typeof arn === "string" ? arn : undefined;
  } catch {
    // Not JSON: then it names no queue either.
    return undefined;
  }
}
