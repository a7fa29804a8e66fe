/**
 * Owns the way from what a poll has brought to deliveries. It never decides what becomes of one.
 */
import type { ReceivedMessage } from "../sqs/operations.ts";
import type { Delivery } from "./delivery.ts";
import type { Logger } from "./logger.ts";

export interface AdmissionParts {
  /** Makes a delivery of what SQS handed out to a poll sent at `askedAtMs`, and has its lease kept. */
  readonly admit: (
    received: ReceivedMessage & { readonly ReceiptHandle: string },
    askedAtMs: number,
  ) => Delivery;
  /** Whether the queue is a FIFO one, whose groups are in order. */
  readonly fifo: boolean;
  readonly logger: Logger;
}

/**
 * The deliveries of a poll that asked for `wanted` messages at `askedAtMs`; its caller holds as many permits. What cannot be
 * taken comes again when its visibility timeout is over; the others are none the worse, but for those behind it in its
 * group, which come after it. Never throws.
 */
export function admitAll(
  { admit, fifo, logger }: AdmissionParts,
  messages: readonly ReceivedMessage[],
  wanted: number,
  askedAtMs: number,
): Delivery[] {
  const deliveries: Delivery[] = [];
  const barred = new Set<unknown>();
  for (const message of messages.slice(0, wanted)) {
    let group: unknown;
    try {
      if (fifo) group = message.Attributes?.["MessageGroupId"];
      const { ReceiptHandle } = message;
      // Without a handle it cannot be settled.
      if (typeof ReceiptHandle !== "string" || ReceiptHandle === "") {
        throw new TypeError("it has no receipt handle");
      }
      if (barred.has(group)) throw new Error("one before it in its group could not be taken");
      deliveries.push(admit({ ...message, ReceiptHandle }, askedAtMs));
    } catch (error) {
      if (group !== undefined) barred.add(group);
      logger.error("SQS answered a message that cannot be taken", { error });
    }
  }
  if (messages.length > wanted) {
    // There are no permits for them; and an answer may have any number.
    const error = new RangeError(`it answered ${messages.length}, and ${wanted} were asked`);
    logger.error("SQS answered more messages than were asked", { error });
  }
  return deliveries;
}
