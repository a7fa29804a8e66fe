/**
 * Owns the operations on messages: from raw parameters to calls of a queue, and from batches to single
 * ones. It never keeps anything.
 */
import type { BatchOutput, BatchResultErrorEntry, SendMessageOutput } from "millrace";
import { required, requiredVisibility, requireEntries } from "./limits.ts";
import type { Draft } from "./message.ts";
import type { Operations } from "./operations.ts";
import type { QueueRegistry } from "./queue-registry.ts";
import type { Sent } from "./queue.ts";
import { readReceiveRequest } from "./receive-request.ts";
import { Refusal } from "./refusal.ts";
import { readDraft, requireBatchSize, requireFifoParameters } from "./send-request.ts";

type MessageOperations = Operations<
  | "SendMessage"
  | "SendMessageBatch"
  | "ReceiveMessage"
  | "DeleteMessage"
  | "DeleteMessageBatch"
  | "ChangeMessageVisibility"
  | "ChangeMessageVisibilityBatch"
>;

export function messageOperations(queues: QueueRegistry): MessageOperations {
  return {
    SendMessage: (input) => {
      const queue = queues.byUrl(input.QueueUrl);
      requireFifoParameters(input, queue.attributes);
      const draft = readDraft(input, queue.attributes);
      return describeSent(draft, queue.send([draft])[0]);
    },

    SendMessageBatch: ({ QueueUrl: url, Entries: entries }) => {
      const queue = queues.byUrl(url);
      requireEntries(entries);
      requireBatchSize(entries);
      for (const entry of entries)
        requireFifoParametersOfEntry(() => requireFifoParameters(entry, queue.attributes));
      const drafts: { id: string; draft: Draft }[] = [];
      const failed = runEntries(entries, (entry) => {
        drafts.push({ id: entry.Id, draft: readDraft(entry, queue.attributes) });
      });
      const sent = queue.send(drafts.map(({ draft }) => draft));
      return {
        Successful: drafts.map(({ id, draft }, index) => ({
          Id: id,
          ...describeSent(draft, sent[index]),
        })),
        Failed: failed,
      };
    },

    ReceiveMessage: (input, signal) => {
      const queue = queues.byUrl(input.QueueUrl);
      return queue.receive(readReceiveRequest(input, queue.attributes.fifo), signal);
    },

    DeleteMessage: ({ QueueUrl: url, ReceiptHandle: handle }) => {
      queues.byUrl(url).delete(required(handle, "ReceiptHandle"));
      return {};
    },

    DeleteMessageBatch: ({ QueueUrl: url, Entries: entries }) => {
      const queue = queues.byUrl(url);
      requireEntries(entries);
      return runBatch(entries, ({ ReceiptHandle: handle }) =>
        queue.delete(required(handle, "ReceiptHandle")),
      );
    },

    ChangeMessageVisibility: ({
      QueueUrl: url,
      ReceiptHandle: handle,
      VisibilityTimeout: value,
    }) => {
      const queue = queues.byUrl(url);
      queue.changeVisibility(required(handle, "ReceiptHandle"), requiredVisibility(value));
      return {};
    },

    ChangeMessageVisibilityBatch: ({ QueueUrl: url, Entries: entries }) => {
      const queue = queues.byUrl(url);
      requireEntries(entries);
      return runBatch(entries, ({ ReceiptHandle: handle, VisibilityTimeout: value }) =>
        queue.changeVisibility(required(handle, "ReceiptHandle"), requiredVisibility(value)),
      );
    },
  };
}

function runBatch<Entry extends { readonly Id: string }>(
  entries: readonly Entry[],
  run: (entry: Entry) => void,
): BatchOutput {
  const successful: { Id: string }[] = [];
  const failed = runEntries(entries, (entry) => {
    run(entry);
    successful.push({ Id: entry.Id });
  });
  return { Successful: successful, Failed: failed };
}

/** Runs each entry, and tells which of them were refused. */
function runEntries<Entry extends { readonly Id: string }>(
  entries: readonly Entry[],
  run: (entry: Entry) => void,
): BatchResultErrorEntry[] {
  const failed: BatchResultErrorEntry[] = [];
  for (const entry of entries) {
    try {
      run(entry);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      failed.push({
        Id: entry.Id,
        SenderFault: true,
        Code: error.entryCode,
        Message: error.message,
      });
    }
  }
  return failed;
}

/** In a batch the whole is refused, and even what is missing counts as a wrong value. */
function requireFifoParametersOfEntry(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal("InvalidParameterValue", error.message);
  }
}

function describeSent(draft: Draft, sent: Sent | undefined): SendMessageOutput {
  return {
    MessageId: sent?.id,
    MD5OfMessageBody: draft.bodyMd5,
    ...(draft.attributesMd5 !== undefined && { MD5OfMessageAttributes: draft.attributesMd5 }),
    ...(draft.traceHeaderMd5 !== undefined && {
      MD5OfMessageSystemAttributes: draft.traceHeaderMd5,
    }),
    ...(sent?.sequenceNumber !== undefined && { SequenceNumber: sent.sequenceNumber }),
  };
}
