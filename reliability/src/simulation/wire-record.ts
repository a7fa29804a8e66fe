/**
 * Owns the reading of calls and answers for the log: receipt handles become the numbers of deliveries,
 * bodies the numbers of jobs. It never changes a call.
 */
import type { BatchOutput, ReceivedMessage, SqsInput, SqsOperation, SqsOutput } from "millrace";
import { deliveryAttribute, isSound, jobOf, laneOf } from "./bodies.ts";
import type { AboutDelivery, EntryAnswer, HandedOut, TakenIn } from "./log.ts";

type AnyInput = SqsInput<SqsOperation>;
type AnyOutput = SqsOutput<SqsOperation>;

/** The deliveries of a run, numbered as SQS hands them out. */
export class Deliveries {
  readonly #byHandle = new Map<string, number>();

  /** The number of the delivery with this receipt handle; a new one at first sight. */
  of(handle: string): number {
    let number = this.#byHandle.get(handle);
    if (number === undefined) {
      number = this.#byHandle.size + 1;
      this.#byHandle.set(handle, number);
    }
    return number;
  }

  /** What a request is about, entry by entry. */
  about(input: AnyInput): AboutDelivery[] {
    const about: AboutDelivery[] = [];
    for (const entry of entriesOf(input)) {
      if (!("ReceiptHandle" in entry)) continue;
      const seconds = "VisibilityTimeout" in entry ? entry.VisibilityTimeout : undefined;
      about.push({ delivery: this.of(entry.ReceiptHandle), seconds });
    }
    return about;
  }

  handedOut(output: AnyOutput): HandedOut[] {
    return messagesOf(output).map((message) => ({
      delivery: this.of(message.ReceiptHandle ?? ""),
      messageId: message.MessageId ?? "",
      job: jobOf(message.Body),
      lane: laneOf(message.Attributes?.["MessageGroupId"], message.MessageAttributes),
      group: message.Attributes?.["MessageGroupId"],
      sequence: message.Attributes?.["SequenceNumber"],
      receiveCount: Number(message.Attributes?.["ApproximateReceiveCount"]),
      sound: isSound(message.Body),
    }));
  }
}

/** The entries of a batch; of another call none. */
export function entriesOf(input: AnyInput): Extract<AnyInput, { Entries: unknown }>["Entries"] {
  return "Entries" in input ? input.Entries : [];
}

export function messagesOf(output: AnyOutput): readonly ReceivedMessage[] {
  return "Messages" in output ? (output.Messages ?? []) : [];
}

function batchOf(output: AnyOutput): BatchOutput {
  return "Successful" in output || "Failed" in output ? output : {};
}

/** Which entries SQS has carried out, and which it refused. */
export function outcomeOf(
  input: AnyInput,
  output: AnyOutput,
  deliveries: Deliveries,
): { readonly done: readonly AboutDelivery[]; readonly refused: readonly AboutDelivery[] } {
  const failed = new Set((batchOf(output).Failed ?? []).map(({ Id }) => Id));
  const done: AboutDelivery[] = [];
  const refused: AboutDelivery[] = [];
  for (const [index, about] of deliveries.about(input).entries()) {
    const id = entriesOf(input)[index]?.Id ?? "";
    (failed.has(id) ? refused : done).push(about);
  }
  return { done, refused };
}

/** What an answer says of each entry of its call. */
export function entryAnswers(input: AnyInput, output: AnyOutput): EntryAnswer[] {
  const { Successful, Failed } = batchOf(output);
  const done = new Set((Successful ?? []).map(({ Id }) => Id));
  const failed = new Map((Failed ?? []).map((entry) => [entry.Id, entry.SenderFault]));
  return entriesOf(input).map(({ Id }) => {
    if (failed.has(Id)) return failed.get(Id) === true ? "refused" : "failed";
    return done.has(Id) ? "done" : "unsaid";
  });
}

/** The messages that a send has put into a queue. */
export function takenIn(input: AnyInput, output: AnyOutput): TakenIn[] {
  if ("MessageBody" in input) {
    const id = "MessageId" in output ? output.MessageId : undefined;
    return id === undefined
      ? []
      : [sent(input, id, "SequenceNumber" in output ? output.SequenceNumber : undefined)];
  }
  const taken: TakenIn[] = [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only those of a send are looked at
  const successful = (batchOf(output).Successful ?? []) as readonly {
    readonly Id: string;
    readonly MessageId?: string;
    readonly SequenceNumber?: string;
  }[];
  for (const entry of entriesOf(input)) {
    if (!("MessageBody" in entry)) continue;
    const result = successful.find(({ Id }) => Id === entry.Id);
    if (result?.MessageId !== undefined) {
      taken.push(sent(entry, result.MessageId, result.SequenceNumber));
    }
  }
  return taken;
}

function sent(
  message: Extract<AnyInput, { MessageBody: string }> | { readonly MessageBody: string },
  messageId: string,
  sequence: string | undefined,
): TakenIn {
  const attributes = "MessageAttributes" in message ? message.MessageAttributes : undefined;
  const group = "MessageGroupId" in message ? message.MessageGroupId : undefined;
  const copyOf = attributes?.[deliveryAttribute]?.StringValue;
  return {
    job: jobOf(message.MessageBody),
    messageId,
    lane: laneOf(group, attributes),
    group,
    sequence,
    copyOf: copyOf === undefined ? undefined : Number(copyOf),
  };
}
