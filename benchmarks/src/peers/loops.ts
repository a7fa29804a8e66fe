/**
 * Owns the loops of the floors, whatever they call SQS with: the least that a consumer can do. They never retry,
 * extend a lease, or stop.
 */
import type { PeerSetup } from "./peer.ts";

interface Received {
  readonly ReceiptHandle?: string | undefined;
  readonly Body?: string | undefined;
}

/** A client of two operations. */
interface BareClient {
  receive(input: ReceiveInput): Promise<{ readonly Messages?: readonly Received[] | undefined }>;
  remove(input: RemoveInput): Promise<unknown>;
}

interface ReceiveInput {
  readonly QueueUrl: string;
  readonly MaxNumberOfMessages: number;
  readonly WaitTimeSeconds: number;
}

interface RemoveInput {
  readonly QueueUrl: string;
  readonly Entries: { Id: string; ReceiptHandle: string }[];
}

const receiveOptions = { MaxNumberOfMessages: 10, WaitTimeSeconds: 20 };

export function startLoops(setup: PeerSetup, client: BareClient): Promise<void> {
  const { queueUrls, loops, handle } = setup;
  for (const QueueUrl of queueUrls) {
    for (let loop = 0; loop < loops; loop += 1) {
      void forEver(async () => {
        const { Messages = [] } = await client.receive({ QueueUrl, ...receiveOptions });
        if (Messages.length === 0) return;
        await Promise.all(Messages.map(({ Body = "" }) => handle(Body)));
        await client.remove({ QueueUrl, Entries: entriesOf(Messages) });
      });
    }
  }
  return Promise.resolve();
}

function entriesOf(received: readonly Received[]): RemoveInput["Entries"] {
  return received.map(({ ReceiptHandle = "" }, index) => ({ Id: String(index), ReceiptHandle }));
}

/** A failure is unhandled on purpose: it ends the process, and with it the measurement. */
export async function forEver(step: () => Promise<unknown>): Promise<never> {
  for (;;) await step();
}
