/**
 * Owns the two policies of dead-letter queues: where a queue's failed messages go, and whose failed
 * messages a queue takes. It never moves a message.
 */
import { Refusal } from "./refusal.ts";

/** Where messages go that were received too often. */
export interface RedrivePolicy {
  readonly deadLetterTargetArn: string;
  /** The receive after this many moves the message. */
  readonly maxReceiveCount: number;
}

/** Who may name a queue as its dead-letter queue. */
export interface RedriveAllowPolicy {
  readonly redrivePermission: "allowAll" | "denyAll" | "byQueue";
  /** With byQueue only. */
  readonly sourceQueueArns?: readonly string[] | undefined;
}

const arn = /^arn:[\w-]+:sqs:[\w-]+:\d{12}:[\w-]+(?:\.fifo)?$/;

/**
 * Reads a RedrivePolicy. AWS's reference has 10 as the default of maxReceiveCount; the service itself
 * insists on it, and so does this.
 *
 * @throws Refusal
 */
export function readRedrivePolicy(text: string): RedrivePolicy {
  const fail = (reason: string): Refusal => invalid(text, "RedrivePolicy", reason);
  const policy = readObject(text);
  if (policy === undefined) throw fail("Redrive policy is not a valid JSON map.");
  const { deadLetterTargetArn, maxReceiveCount } = policy;
  if (deadLetterTargetArn === undefined || maxReceiveCount === undefined) {
    const missing = deadLetterTargetArn === undefined ? "deadLetterTargetArn" : "maxReceiveCount";
    throw fail(`Redrive policy does not contain mandatory attribute: ${missing}.`);
  }
  if (typeof deadLetterTargetArn !== "string" || !arn.test(deadLetterTargetArn)) {
    throw fail("Invalid value for deadLetterTargetArn.");
  }
  const count = typeof maxReceiveCount === "string" ? Number(maxReceiveCount) : maxReceiveCount;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > 1000) {
    throw fail("Invalid value for maxReceiveCount: must be between 1 and 1000.");
  }
  return { deadLetterTargetArn, maxReceiveCount: count };
}

/** @throws Refusal */
export function readRedriveAllowPolicy(text: string): RedriveAllowPolicy {
  const fail = (reason: string): Refusal => invalid(text, "RedriveAllowPolicy", reason);
  const policy = readObject(text);
  if (policy === undefined) throw fail("Redrive allow policy is not a valid JSON map.");
  const { redrivePermission, sourceQueueArns } = policy;
  if (redrivePermission === "allowAll" || redrivePermission === "denyAll") {
    if (sourceQueueArns !== undefined) throw fail("sourceQueueArns goes with byQueue only.");
    return { redrivePermission };
  }
  if (redrivePermission !== "byQueue") throw fail("Invalid value for redrivePermission.");
  const arns: unknown[] = Array.isArray(sourceQueueArns) ? sourceQueueArns : [];
  const valid = arns.filter((item): item is string => typeof item === "string" && arn.test(item));
  if (arns.length === 0 || arns.length > 10 || valid.length < arns.length) {
    throw fail("sourceQueueArns must be 1 to 10 ARNs of queues.");
  }
  return { redrivePermission, sourceQueueArns: valid };
}

/** Whether a queue lets `sourceArn` have it as its dead-letter queue. */
export function allowsSource(policy: RedriveAllowPolicy | undefined, sourceArn: string): boolean {
  if (policy === undefined || policy.redrivePermission === "allowAll") return true;
  return policy.sourceQueueArns?.includes(sourceArn) ?? false;
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    return Object.fromEntries(Object.entries(parsed));
  } catch {
    return undefined;
  }
}

function invalid(text: string, parameter: string, reason: string): Refusal {
  const message = `Value ${text} for parameter ${parameter} is invalid. Reason: ${reason}`;
  return new Refusal("InvalidParameterValue", message);
}
