/**
 * Owns how millrace's producer is set up to be measured. It never counts anything.
 */
import { Producer } from "millrace";
import type { SqsApi } from "millrace";
import { queueOf, sentBody, startCallers } from "./callers.ts";
import { httpSqs } from "./millrace.ts";
import type { PeerSetup } from "./peer.ts";

export function startProducer(setup: PeerSetup): Promise<void> {
  return sendThrough(httpSqs(setup.origin), setup);
}

export function sendThrough(sqs: SqsApi, setup: PeerSetup): Promise<void> {
  const producer = new Producer({ queue: queueOf(setup), sqs });
  return startCallers(setup, setup.slots, 1, () => producer.send(sentBody));
}
