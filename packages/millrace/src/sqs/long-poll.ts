/**
 * Owns how long SQS itself may take to answer a call. It never adds what the network takes.
 */
import type { SqsInput, SqsOperation } from "./api.ts";
import { maxWaitSeconds } from "./limits.ts";

/** A receive waits for its own WaitTimeSeconds, and without it for the queue's, up to 20 s; all else answers at once. */
export function waitMs(operation: SqsOperation, input: SqsInput<SqsOperation>): number {
  if (operation !== "ReceiveMessage") return 0;
  const given = "WaitTimeSeconds" in input ? input.WaitTimeSeconds : undefined;
  // What SQS will refuse needs no deadline of its own.
  const seconds = typeof given === "number" && given >= 0 && given <= maxWaitSeconds;
  return (seconds ? given : maxWaitSeconds) * 1_000;
}
