/**
 * Owns the copying of a message to the dead-letter queue. It never deletes the original.
 */
import type { Clock } from "../clock.ts";
import type { SqsApi } from "../sqs/api.ts";
import { boundedCall } from "../sqs/bounded-call.ts";
import { maxMessageAttributes, maxPayloadBytes } from "../sqs/limits.ts";
import type { MessageAttributes } from "../sqs/operations.ts";
import { resolveQueueUrl } from "../sqs/queue-address.ts";
import type { Delivery } from "./delivery.ts";

const callTimeoutMs = 10_000;
const maxReasonLength = 1_000;

/** The attribute in which the reason travels, where there is room for it. */
export const reasonAttribute = "millrace.deadLetterReason";

/** The queue that a redrive policy names. Its URL is looked up when it is first needed. */
export class DeadLetterQueue {
  readonly arn: string;
  readonly #sqs: SqsApi;
  readonly #clock: Clock;
  /** Set by the first look-up that succeeded. */
  #url: string | undefined;

  constructor(arn: string, sqs: SqsApi, clock: Clock) {
    this.arn = arn;
    this.#sqs = sqs;
    this.#clock = clock;
  }

  /**
   * Sends a copy: the body and the message attributes as they were, and the reason as an attribute if
   * there is room. Resolves when SQS has it. Sent twice, if the answer to the first was lost: a
   * dead-letter queue may hold a message twice, and never misses one.
   */
  async send(delivery: Delivery, reason: string | undefined, signal: AbortSignal): Promise<void> {
    this.#url ??= await resolveQueueUrl(this.#sqs, this.arn, signal);
    const { message, received } = delivery;
    const attributes = withReason(received.MessageAttributes ?? {}, reason, message.rawBody);
    await boundedCall(
      this.#sqs,
      "SendMessage",
      {
        QueueUrl: this.#url,
        MessageBody: message.rawBody,
        ...(Object.keys(attributes).length > 0 && { MessageAttributes: attributes }),
        ...(message.groupId !== undefined && { MessageGroupId: message.groupId }),
        ...(this.arn.endsWith(".fifo") && { MessageDeduplicationId: message.id }),
      },
      { clock: this.#clock, timeoutMs: callTimeoutMs, signal },
    );
  }
}

function withReason(
  attributes: MessageAttributes,
  reason: string | undefined,
  body: string,
): MessageAttributes {
  if (reason === undefined || reason === "") return attributes;
  if (Object.keys(attributes).length >= maxMessageAttributes) return attributes;
  const text = legalText(reason.slice(0, maxReasonLength));
  // Four bytes a character at most, and room for the name, the type and the other attributes' worth.
  const roomy = Buffer.byteLength(body) + maxReasonLength * 4 + 300_000 < maxPayloadBytes;
  if (text === "" || !roomy) return attributes;
  return { ...attributes, [reasonAttribute]: { DataType: "String", StringValue: text } };
}

/** What SQS takes: no control characters but tab and line ends, no lone surrogates. */
function legalText(text: string): string {
  return text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, " ");
}
