/**
 * Owns the floors over the AWS SDK. They never do more than the SDK does by itself.
 */
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { sentBody, startCallers, queueOf } from "./callers.ts";
import { startLoops } from "./loops.ts";
import type { PeerSetup } from "./peer.ts";
import { sdkClient } from "./sdk-client.ts";

export function startSdkLoop(setup: PeerSetup): Promise<void> {
  const client = sdkClient(setup.origin);
  return startLoops(setup, {
    receive: (input) => client.send(new ReceiveMessageCommand(input)),
    remove: (input) => client.send(new DeleteMessageBatchCommand(input)),
  });
}

export function startSdkSends(setup: PeerSetup): Promise<void> {
  const input = { QueueUrl: queueOf(setup), MessageBody: sentBody };
  const client = sdkClient(setup.origin);
  return startCallers(setup, setup.slots, 1, () => client.send(new SendMessageCommand(input)));
}
