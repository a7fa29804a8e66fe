/**
 * Owns the copying of a message to the dead-letter queue. It never deletes the original.
 */
import type { SqsApi } from "../sqs/api.ts";
import { bounded, boundedCall } from "../sqs/bounded-call.ts";
import type { CallLimits } from "../sqs/bounded-call.ts";
import { SqsResponseError, SqsTimeoutError } from "../sqs/errors.ts";
import { maxMessageAttributes, maxPayloadBytes } from "../sqs/limits.ts";
import { messageBytes } from "../sqs/message-size.ts";
import type { MessageAttributes, SendMessageOutput } from "../sqs/operations.ts";
import { resolveQueueUrl } from "../sqs/queue-address.ts";
import { waitFor } from "../sqs/wait-for.ts";
import type { Delivery } from "./delivery.ts";

/** Characters of a reason that travel. */
const maxReasonLength = 1_000;

/** The attribute in which the reason travels, where there is room for it. */
export const reasonAttribute = "millrace.deadLetterReason";

/** The queue that a redrive policy names. Its URL is looked up when it is first needed. */
export class DeadLetterQueue {
  readonly arn: string;
  readonly #sqs: SqsApi;
  /** Its URL, as it was looked up: set by the first send that needs it, dropped when the look-up fails. */
  #url: Promise<string> | undefined;

  constructor(arn: string, sqs: SqsApi) {
    this.arn = arn;
    this.#sqs = sqs;
  }

  /**
   * Sends a copy: the body and the message attributes as they were, and the reason as an attribute if
   * there is room. Resolves when SQS has it. Sent twice, if the answer to the first was lost: a
   * dead-letter queue may hold a message twice, and never misses one.
   *
   * @throws the error of the call that failed: the look-up of the queue, or the send; SqsResponseError when
   * what came back names no message.
   */
  async send(delivery: Delivery, reason: string | undefined, limits: CallLimits): Promise<void> {
    const QueueUrl = await this.#lookUp(limits);
    const { message, received } = delivery;
    const attributes = withReason(received.MessageAttributes ?? {}, reason, message.rawBody);
    // Optional: an SqsApi of the user's own may answer nothing, whatever its type says.
    const output: SendMessageOutput | undefined = await boundedCall(
      this.#sqs,
      "SendMessage",
      {
        QueueUrl,
        MessageBody: message.rawBody,
        ...(Object.keys(attributes).length > 0 && { MessageAttributes: attributes }),
        ...(message.groupId !== undefined && { MessageGroupId: message.groupId }),
        ...(this.arn.endsWith(".fifo") && { MessageDeduplicationId: message.id }),
      },
      limits,
    );
    // The original is deleted next: nothing but the name of its copy says that there is one.
    if (typeof output?.MessageId !== "string" || output.MessageId === "") {
      const text = "SendMessage: the answer is not SQS's: it names no message";
      throw new SqsResponseError(text, "SendMessage");
    }
  }

  /** One look-up for all who need it at once: within the bounds of the first, which the others do not wait beyond theirs for. */
  #lookUp({ clock, timeoutMs, signal }: CallLimits): Promise<string> {
    if (this.#url !== undefined) {
      const onTimeout = (): Error => new SqsTimeoutError("GetQueueUrl", timeoutMs);
      return waitFor(this.#url, { clock, timeoutMs, signal, onTimeout });
    }
    const url = resolveQueueUrl(bounded(this.#sqs, clock, timeoutMs), this.arn, signal);
    this.#url = url;
    url.catch(() => (this.#url = undefined));
    return url;
  }
}

function withReason(
  attributes: MessageAttributes,
  reason: string | undefined,
  body: string,
): MessageAttributes {
  if (reason === undefined || reason === "") return attributes;
  if (Object.keys(attributes).length >= maxMessageAttributes) return attributes;
  const StringValue = legalText(reason.slice(0, maxReasonLength));
  const more = { ...attributes, [reasonAttribute]: { DataType: "String", StringValue } };
  return messageBytes(body, more) <= maxPayloadBytes ? more : attributes;
}

/** What SQS takes: no control characters but tab and line ends, no lone surrogates. */
function legalText(text: string): string {
  return text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, " ");
}
