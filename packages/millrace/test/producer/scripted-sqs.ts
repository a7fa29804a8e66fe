/**
 * Owns an SQS for the producer's tests that answers as a script says. It never keeps more of a queue than what
 * was accepted, in order.
 */
import { sleep } from "../../src/clock.ts";
import type {
  SqsApi,
  SqsCallOptions,
  SqsInput,
  SqsOperation,
  SqsOutput,
} from "../../src/sqs/api.ts";
import { SqsConnectionError, SqsServiceError } from "../../src/sqs/errors.ts";
import type { SqsErrorOptions } from "../../src/sqs/errors.ts";
import type { SendMessageBatchEntry } from "../../src/sqs/operations.ts";
import type { VirtualClock } from "../../src/testing/virtual-clock.ts";

export const standardUrl = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders";
export const fifoUrl = `${standardUrl}.fifo`;

/** How an entry fares: accepted, or failed with an error code by the fault of SQS or of the sender. */
export type EntryFate = "accept" | { readonly code: string; readonly senderFault: boolean };

/** How a request fares. `lose`: applied, but the answer does not arrive. */
export type RequestFate = "answer" | "lose" | Error;

export interface Accepted {
  readonly body: string;
  readonly entry: SendMessageBatchEntry;
}

export class ScriptedSqs implements SqsApi {
  readonly #clock: VirtualClock;
  /** Bodies of each SendMessageBatch, in order of the calls. */
  readonly batches: string[][] = [];
  readonly startedMs: number[] = [];
  readonly accepted: Accepted[] = [];
  readonly lookups: unknown[] = [];
  readonly urls = new Set<string>();
  open = 0;
  mostOpen = 0;
  /** Groups whose messages were in two open requests at once. */
  readonly overlaps: string[] = [];
  readonly #openGroups = new Set<string>();

  latencyMs: () => number = () => 10;
  request: (bodies: string[], nth: number) => RequestFate = () => "answer";
  entry: (body: string, nth: number) => EntryFate = () => "accept";
  lookup: () => string = () => standardUrl;
  readonly #attempts = new Map<string, number>();
  readonly #deduplication = new Map<string, string>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get bodies(): string[] {
    return this.accepted.map(({ body }) => body);
  }

  async call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options?: SqsCallOptions,
  ): Promise<SqsOutput<O>> {
    if (operation === "GetQueueUrl") {
      this.lookups.push(input);
      await sleep(this.#clock, this.latencyMs(), options?.signal);
      return { QueueUrl: this.lookup() } as SqsOutput<O>;
    }
    if (operation !== "SendMessageBatch") throw new Error(`unexpected ${operation}`);
    const { QueueUrl, Entries } = input as SqsInput<"SendMessageBatch">;
    this.urls.add(QueueUrl);
    return this.#send(Entries, options?.signal);
  }

  async #send(
    entries: readonly SendMessageBatchEntry[],
    signal: AbortSignal | undefined,
  ): Promise<SqsOutput<"SendMessageBatch">> {
    const bodies = entries.map(({ MessageBody }) => MessageBody);
    const nth = this.batches.push(bodies);
    this.startedMs.push(this.#clock.monotonicMs());
    const groups = new Set(entries.map(({ MessageGroupId }) => MessageGroupId ?? ""));
    for (const group of groups) {
      if (this.#openGroups.has(group)) this.overlaps.push(group);
      this.#openGroups.add(group);
    }
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    try {
      // There is a way to SQS and a way back, and what happens on either is another matter.
      const latencyMs = this.latencyMs();
      await sleep(this.#clock, latencyMs / 2, signal);
      const fate = this.request(bodies, nth);
      if (fate instanceof Error) throw fate;
      const answer = entries.map((entry) => this.#accept(entry));
      await sleep(this.#clock, latencyMs / 2, signal);
      if (fate === "lose") throw connectionError();
      return {
        // Backwards: an answer's order says nothing.
        Successful: answer.flatMap(({ ok }) => ok ?? []).toReversed(),
        Failed: answer.flatMap(({ failed }) => failed ?? []),
      };
    } finally {
      this.open -= 1;
      for (const group of groups) this.#openGroups.delete(group);
    }
  }

  #accept(entry: SendMessageBatchEntry): {
    ok?: { Id: string; MessageId: string; SequenceNumber?: string };
    failed?: { Id: string; Code: string; SenderFault: boolean };
  } {
    const { Id, MessageBody: body, MessageDeduplicationId: deduplicationId } = entry;
    const nth = (this.#attempts.get(body) ?? 0) + 1;
    this.#attempts.set(body, nth);
    const fate = this.entry(body, nth);
    if (fate !== "accept") {
      return { failed: { Id, Code: fate.code, SenderFault: fate.senderFault } };
    }
    const known =
      deduplicationId === undefined ? undefined : this.#deduplication.get(deduplicationId);
    if (known !== undefined) return { ok: { Id, MessageId: known } };
    const sequence = this.accepted.push({ body, entry });
    if (deduplicationId === undefined) return { ok: { Id, MessageId: `id of ${body}` } };
    this.#deduplication.set(deduplicationId, `id of ${body}`);
    return { ok: { Id, MessageId: `id of ${body}`, SequenceNumber: `${sequence}` } };
  }
}

export function connectionError(options?: SqsErrorOptions): SqsConnectionError {
  return new SqsConnectionError("SendMessageBatch: connection reset", "SendMessageBatch", options);
}

export function serviceError(errorName: string, statusCode: number): SqsServiceError {
  return new SqsServiceError({
    operation: "SendMessageBatch",
    errorName,
    text: "as the script says",
    statusCode,
    senderFault: statusCode < 500,
  });
}
