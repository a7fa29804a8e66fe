/**
 * Owns how sqs-producer is set up to be measured. It never counts anything.
 */
import { Producer } from "sqs-producer";
import { queueOf, sentBody, startCallers, ten } from "./callers.ts";
import type { PeerSetup } from "./peer.ts";
import { sdkClient } from "./sdk-client.ts";

export function startSqsProducer(setup: PeerSetup): Promise<void> {
  const producer = Producer.create({ queueUrl: queueOf(setup), sqs: sdkClient(setup.origin) });
  const messages = ten.map((_, index) => ({ id: String(index), body: sentBody }));
  return startCallers(setup, setup.slots / 10, 10, () => producer.send(messages));
}
