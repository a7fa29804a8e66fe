/**
 * Owns how millrace's consumers are set up to be measured. It never counts anything.
 */
import { Consumer, HttpSqs } from "millrace";
import type { SqsApi } from "millrace";
import type { PeerSetup } from "./peer.ts";
import { credentials, region } from "./settings.ts";

export function startMillrace(setup: PeerSetup): Promise<void> {
  return startOver(httpSqs(setup.origin), setup);
}

export async function startMillraceBatch(setup: PeerSetup): Promise<void> {
  const { queueUrls, slots, batchSize, handleBatch } = setup;
  const sqs = httpSqs(setup.origin);
  await Promise.all(
    queueUrls.map((queue) =>
      new Consumer({
        queue,
        sqs,
        concurrency: slots,
        batch: { maxSize: batchSize },
        handleBatch: (messages) => handleBatch(messages.map(({ body }) => body)),
      }).start(),
    ),
  );
}

export async function startOver(
  sqs: SqsApi,
  { queueUrls, slots, handle }: PeerSetup,
): Promise<void> {
  await Promise.all(
    queueUrls.map((queue) =>
      new Consumer({
        queue,
        sqs,
        concurrency: slots,
        handle: ({ body }) => handle(body),
      }).start(),
    ),
  );
}

export function httpSqs(endpoint: string): HttpSqs {
  return new HttpSqs({ endpoint, region, credentials });
}
