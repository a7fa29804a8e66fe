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

/** The message as an element of an answer's `Messages`. */
export function messageJson(message: CannedMessage, attributeNames: readonly string[]): string {
  const { number, sentNs } = message;
  const padded = String(number).padStart(numberLength, "0");
  const body = `{"number":${number},"sentNs":"${sentNs}","details":"${details}"}`;
  const attributes = attributeNames.length > 0 ? `,"Attributes":${attributesJson()}` : "";
  return `{"MessageId":"${messageIdPrefix}${padded}","ReceiptHandle":"${receiptPrefix}${padded}","MD5OfBody":"${hash("md5", body)}","Body":${JSON.stringify(body)}${attributes}}`;
}

/** The number of the message that a receipt handle is of. */
export function numberOf(receiptHandle: string): number {
  return Number(receiptHandle.slice(receiptPrefix.length));
}

function attributesJson(): string {
  const now = Date.now();
  return `{"SenderId":"${sender}","SentTimestamp":"${now}","ApproximateReceiveCount":"1","ApproximateFirstReceiveTimestamp":"${now}"}`;
}
