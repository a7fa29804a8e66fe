/**
 * Owns how millrace with worker threads is set up to be measured. It never counts anything.
 */
import { Consumer } from "millrace";
import { inThreads } from "millrace/threads";
import { hashEnvironment } from "../work/hash-in-thread.ts";
import { httpSqs } from "./millrace.ts";
import type { PeerSetup } from "./peer.ts";

const threads = 2;

export async function startMillraceThreads(setup: PeerSetup): Promise<void> {
  const { origin, queueUrls, slots, work, onDone } = setup;
  if (work.kind !== "hash") throw new Error(`there is no ${work.kind} for threads`);
  const module = new URL("../work/hash-in-thread.js", import.meta.url);
  const env = hashEnvironment(work.rounds);
  const hash = inThreads(module, { threads, export: "handle", env });
  await hash.start();
  const sqs = httpSqs(origin);
  for (const queue of queueUrls) {
    const consumer = new Consumer({
      queue,
      sqs,
      concurrency: slots,
      handle: async (message, context) => {
        await hash(message, context);
        onDone(1);
      },
    });
    await consumer.start();
  }
}
