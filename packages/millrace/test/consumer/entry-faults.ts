/**
 * Owns batches of which SQS carries out a part. It never touches the entries that are to succeed.
 */
import type { BatchOutput, BatchResultErrorEntry } from "millrace";
import type { Bench } from "./bench.ts";

/** An entry of a batch about deliveries. */
export interface Entry {
  readonly Id: string;
  readonly ReceiptHandle: string;
  readonly VisibilityTimeout?: number | undefined;
}

/** What becomes of an entry: undefined: it is carried out; "unsaid": neither that, nor does the answer name it. */
export type Fate = Partial<BatchResultErrorEntry> | "unsaid" | undefined;

/** Has `fateOf` decide about each entry of `operation`; what it fails is not carried out. */
export function failEntries(
  bench: Bench,
  operation: "DeleteMessageBatch" | "ChangeMessageVisibilityBatch",
  fateOf: (entry: Entry) => Fate,
): void {
  bench.sqs.intercept(operation, async (_, input): Promise<BatchOutput> => {
    const good: Entry[] = [];
    const failed: BatchResultErrorEntry[] = [];
    for (const entry of input.Entries) {
      const fate = fateOf(entry);
      if (fate === undefined) good.push(entry);
      else if (fate !== "unsaid") {
        failed.push({ Id: entry.Id, SenderFault: false, Code: "InternalError", ...fate });
      }
    }
    const some = { QueueUrl: input.QueueUrl, Entries: good as never };
    const { Successful = [], Failed = [] } =
      good.length === 0 ? {} : await bench.service.call(operation, some);
    return { Successful, Failed: [...Failed, ...failed] };
  });
}
