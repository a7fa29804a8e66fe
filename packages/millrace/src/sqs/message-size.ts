/**
 * Owns what a message counts for against SQS's limit on payloads. It never compares the two.
 */
import type { MessageAttributes } from "./operations.ts";

/**
 * The bytes of a message: its body, and the name, type and value of each message attribute. See "Amazon
 * SQS message quotas" in the Amazon SQS Developer Guide.
 */
export function messageBytes(body: string, attributes: MessageAttributes = {}): number {
  let bytes = Buffer.byteLength(body);
  for (const [name, { DataType = "", StringValue = "", BinaryValue }] of Object.entries(
    attributes,
  )) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType);
    bytes += BinaryValue?.byteLength ?? Buffer.byteLength(StringValue);
  }
  return bytes;
}
