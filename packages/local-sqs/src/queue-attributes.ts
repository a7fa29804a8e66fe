/**
 * Owns the attributes of a queue: which there are, AWS's rules for their values, and what they mean to
 * the queue. It never looks at other queues; what a redrive policy points to is checked elsewhere.
 *
 * See docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html.
 */
import {
  maxDelaySeconds,
  maxPayloadBytes,
  maxVisibilitySeconds,
  maxWaitSeconds,
} from "./limits.ts";
import { readRedriveAllowPolicy, readRedrivePolicy } from "./redrive-policy.ts";
import type { RedriveAllowPolicy, RedrivePolicy } from "./redrive-policy.ts";
import { Refusal } from "./refusal.ts";

type Values = Readonly<Record<string, string>>;

/** How a value is read: to its canonical text, or undefined when it is not one. */
type Rule = (value: string) => string | undefined;

const rules: Readonly<Record<string, Rule>> = {
  DelaySeconds: integer(0, maxDelaySeconds),
  MaximumMessageSize: integer(1024, maxPayloadBytes),
  MessageRetentionPeriod: integer(60, 1_209_600),
  ReceiveMessageWaitTimeSeconds: integer(0, maxWaitSeconds),
  VisibilityTimeout: integer(0, maxVisibilitySeconds),
  SqsManagedSseEnabled: oneOf("true", "false"),
  KmsMasterKeyId: (value) => value,
  KmsDataKeyReusePeriodSeconds: integer(60, 86_400),
  Policy: jsonObject,
  RedrivePolicy: (value) => JSON.stringify(readRedrivePolicy(value)),
  RedriveAllowPolicy: (value) => JSON.stringify(readRedriveAllowPolicy(value)),
  ContentBasedDeduplication: oneOf("true", "false"),
  DeduplicationScope: oneOf("queue", "messageGroup"),
  FifoThroughputLimit: oneOf("perQueue", "perMessageGroupId"),
};

const fifoOnly: ReadonlySet<string> = new Set([
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
]);

/** An empty value takes these away. */
const removable: ReadonlySet<string> = new Set([
  "KmsMasterKeyId",
  "Policy",
  "RedrivePolicy",
  "RedriveAllowPolicy",
]);

const readOnly: ReadonlySet<string> = new Set([
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "QueueArn",
]);

const defaults: Values = {
  VisibilityTimeout: "30",
  MaximumMessageSize: String(maxPayloadBytes),
  MessageRetentionPeriod: "345600",
  DelaySeconds: "0",
  ReceiveMessageWaitTimeSeconds: "0",
  SqsManagedSseEnabled: "true",
};

const fifoDefaults: Values = {
  ...defaults,
  FifoQueue: "true",
  ContentBasedDeduplication: "false",
  DeduplicationScope: "queue",
  FifoThroughputLimit: "perQueue",
};

/** Whether there is a queue attribute of this name. */
export function isQueueAttribute(name: string): boolean {
  return name === "FifoQueue" || Object.hasOwn(rules, name) || readOnly.has(name);
}

/** A queue's attributes, as texts and as what they mean. Immutable; {@link with} makes the next ones. */
export class QueueAttributes {
  /** By name, without those that count messages. */
  readonly values: Values;
  readonly fifo: boolean;
  readonly visibilitySeconds: number;
  readonly delaySeconds: number;
  readonly waitSeconds: number;
  readonly retentionMs: number;
  readonly maximumMessageBytes: number;
  readonly contentBasedDeduplication: boolean;
  /** Whether a deduplication id counts within its message group only. */
  readonly deduplicatesByGroup: boolean;
  readonly redrivePolicy: RedrivePolicy | undefined;
  readonly redriveAllowPolicy: RedriveAllowPolicy | undefined;

  /** @throws Refusal */
  constructor(values: Values) {
    this.values = values;
    this.fifo = values["FifoQueue"] === "true";
    this.visibilitySeconds = Number(values["VisibilityTimeout"]);
    this.delaySeconds = Number(values["DelaySeconds"]);
    this.waitSeconds = Number(values["ReceiveMessageWaitTimeSeconds"]);
    this.retentionMs = Number(values["MessageRetentionPeriod"]) * 1000;
    this.maximumMessageBytes = Number(values["MaximumMessageSize"]);
    this.contentBasedDeduplication = values["ContentBasedDeduplication"] === "true";
    this.deduplicatesByGroup = values["DeduplicationScope"] === "messageGroup";
    const { RedrivePolicy: redrive, RedriveAllowPolicy: allow } = values;
    this.redrivePolicy = redrive === undefined ? undefined : readRedrivePolicy(redrive);
    this.redriveAllowPolicy = allow === undefined ? undefined : readRedriveAllowPolicy(allow);
    if (values["FifoThroughputLimit"] === "perMessageGroupId" && !this.deduplicatesByGroup) {
      const text =
        "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.";
      throw new Refusal("InvalidAttributeValue", text);
    }
  }

  /**
   * The attributes of a queue that is created. Whether it is FIFO is for `given` to say.
   *
   * @throws Refusal
   */
  static create(given: Values): QueueAttributes {
    const { FifoQueue: fifoQueue, ...rest } = given;
    if (fifoQueue !== undefined && fifoQueue !== "true") throw unknownAttribute("FifoQueue");
    const base = fifoQueue === undefined ? defaults : fifoDefaults;
    return new QueueAttributes(merge(base, rest, fifoQueue === "true"));
  }

  /** @throws Refusal */
  with(given: Values): QueueAttributes {
    const { FifoQueue: fifoQueue, ...rest } = given;
    if (fifoQueue !== undefined && !this.fifo) throw unknownAttribute("FifoQueue");
    if (fifoQueue !== undefined && fifoQueue !== "true") {
      const text =
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.";
      throw new Refusal("InvalidAttributeValue", text);
    }
    return new QueueAttributes(merge(this.values, rest, this.fifo));
  }

  /** The first of `names` whose value is another one in `other`. */
  firstDifference(other: QueueAttributes, names: readonly string[]): string | undefined {
    return names.find((name) => this.values[name] !== other.values[name]);
  }
}

function merge(base: Values, given: Values, fifo: boolean): Values {
  const values: Record<string, string> = { ...base };
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined || (fifoOnly.has(name) && !fifo)) throw unknownAttribute(name);
    if (value === "" && removable.has(name)) {
      delete values[name];
      continue;
    }
    const canonical = rule(value);
    if (canonical === undefined) {
      throw new Refusal("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
    }
    values[name] = canonical;
  }
  return encrypted(values, given);
}

/** One kind of encryption at a time: a key of KMS takes the place of SQS's own unless both were given. */
function encrypted(values: Record<string, string>, given: Values): Values {
  if (values["KmsMasterKeyId"] === undefined || values["SqsManagedSseEnabled"] !== "true") {
    return values;
  }
  if (given["SqsManagedSseEnabled"] === undefined) {
    return { ...values, SqsManagedSseEnabled: "false" };
  }
  const text =
    "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.";
  throw new Refusal("InvalidAttributeName", text);
}

export function unknownAttribute(name: string): Refusal {
  return new Refusal("InvalidAttributeName", `Unknown Attribute ${name}.`);
}

function integer(min: number, max: number): Rule {
  return (value) => {
    const number = Number(value);
    return /^\d+$/.test(value) && number >= min && number <= max ? String(number) : undefined;
  };
}

function oneOf(...values: readonly string[]): Rule {
  return (value) => values.find((known) => known.toLowerCase() === value.toLowerCase());
}

function jsonObject(value: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
