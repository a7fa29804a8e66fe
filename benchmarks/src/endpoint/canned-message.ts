/**
 * Owns what a message of the counting endpoint looks like on the wire. It never keeps one.
 */
import { hash } from "node:crypto";

/** As long as those of SQS, which clients have to carry about. */
const receiptPrefix = `AQEB${"mZ4k0xT7qLr2Yv9b".repeat(10)}`;
const messageIdPrefix = "5fea7756-0ea4-451a-a703-";
const sender = "AIDAIENQZJOLO23YVJ4VO:benchmark";
/** Makes a body some 250 bytes, as a small job has. */
const details = "seat 14A, train 731, Seoul to Busan, second class, window, no luggage. ".repeat(2);

const numberLength = 12;

export interface CannedMessage {
  /** Counts up from 1, for each queue. */
  readonly number: number;
  /** On the machine's monotonic clock, which all its processes share: `process.hrtime`. */
  readonly sentNs: bigint;
}

/** What was sent. */
export function messageBody({ number, sentNs }: CannedMessage): string {
  return `{"number":${number},"sentNs":"${sentNs}","details":"${details}"}`;
}

/**
 * The message as an element of an answer's `Messages`.
 *
 * @param attributes what {@link attributesJson} makes of the names that the receive asked for.
 */
export function messageJson(message: CannedMessage, attributes: string): string {
  const padded = String(message.number).padStart(numberLength, "0");
  const body = messageBody(message);
  return `{"MessageId":"${messageIdPrefix}${padded}","ReceiptHandle":"${receiptPrefix}${padded}","MD5OfBody":"${hash("md5", body)}","Body":${JSON.stringify(body)}${attributes}}`;
}

/** The number of the message that a receipt handle is of. */
export function numberOf(receiptHandle: string): number {
  return Number(receiptHandle.slice(receiptPrefix.length));
}

/** The system attributes of those names as a member of a message, with the comma before it; "" for none. */
export function attributesJson(names: readonly string[]): string {
  if (names.length === 0) return "";
  const now = Date.now();
  const attributes = {
    SenderId: sender,
    SentTimestamp: String(now),
    ApproximateReceiveCount: "1",
    ApproximateFirstReceiveTimestamp: String(now),
  };
  const asked = Object.entries(attributes).filter(
    ([name]) => names.includes("All") || names.includes(name),
  );
  return `,"Attributes":${JSON.stringify(Object.fromEntries(asked))}`;
}
