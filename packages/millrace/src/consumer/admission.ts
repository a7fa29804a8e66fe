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
  readonly logger: Logger;
}

/** The deliveries of a poll that asked for `wanted` messages at `askedAtMs`; its caller holds as many permits. Never throws. */
export function admitAll(
  { admit, logger }: AdmissionParts,
  messages: readonly ReceivedMessage[],
  wanted: number,
  askedAtMs: number,
): Delivery[] {
  const deliveries: Delivery[] = [];
  for (const message of messages) {
    try {
      const { ReceiptHandle } = message;
      // Without a handle it cannot be settled; beyond what was asked there is no permit.
      if (typeof ReceiptHandle !== "string" || ReceiptHandle === "") {
        throw new TypeError("it has no receipt handle");
      }
      if (deliveries.length === wanted) throw new RangeError(`no more than ${wanted} were asked`);
      deliveries.push(admit({ ...message, ReceiptHandle }, askedAtMs));
    } catch (error) {
      // It comes again when its visibility timeout is over; the others are none the worse.
      logger.error("SQS answered a message that cannot be taken", { error });
    }
  }
  return deliveries;
}
