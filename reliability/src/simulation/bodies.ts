/**
 * Owns what a message of a simulation looks like: its body, its attributes, and how its job and its
 * delivery are read back. It never decides what becomes of one.
 */
import type { Message, ReceivedMessage } from "millrace";
import type { Job } from "./scenario.ts";

/** The attribute in which a delivery carries its number, as a trace id would travel. */
export const deliveryAttribute = "simulation.delivery";
/** The attribute of a message's lane, where it is not its group. */
export const laneAttribute = "simulation.lane";

/** Bodies begin with the job's number, whatever else is wrong with them. */
export function bodyOf(job: Job): string {
  const { number } = job;
  switch (job.body) {
    case "good":
      return `[${number}]`;
    case "notJson":
      return `[${number}`;
    case "rejected":
      return `[${number},"rejected"]`;
    default:
      return `[${number},"explosive"]`;
  }
}

export function jobOf(body: string | undefined): number {
  return Number.parseInt((body ?? "").slice(1), 10);
}

/** Whether a schema takes it without ado. */
export function isSound(body: string | undefined): boolean {
  return body !== undefined && /^\[\d+\]$/.test(body);
}

/** The message as its consumer gets it: with the number of its delivery. */
export function stamped(message: ReceivedMessage, delivery: number): ReceivedMessage {
  return {
    ...message,
    MessageAttributes: {
      ...message.MessageAttributes,
      [deliveryAttribute]: { DataType: "String", StringValue: String(delivery) },
    },
  };
}

/** The number of the delivery that a handler has. */
export function deliveryOf(message: Message<unknown>): number {
  return Number(message.attributes[deliveryAttribute]);
}

/** The lane of a message that SQS holds. */
export function laneOf(
  groupId: string | undefined,
  attributes: ReceivedMessage["MessageAttributes"],
): string | undefined {
  return attributes?.[laneAttribute]?.StringValue ?? groupId;
}
