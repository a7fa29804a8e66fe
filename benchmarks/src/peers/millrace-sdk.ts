/**
 * Owns how millrace over the AWS SDK is set up to be measured. It never counts anything.
 */
import { fromSdk } from "millrace";
import { startOver } from "./millrace.ts";
import type { PeerSetup } from "./peer.ts";
import { sendThrough } from "./producer.ts";
import { sdkClient } from "./sdk-client.ts";

export function startMillraceSdk(setup: PeerSetup): Promise<void> {
  return startOver(fromSdk(sdkClient(setup.origin)), setup);
}

export function startProducerSdk(setup: PeerSetup): Promise<void> {
  return sendThrough(fromSdk(sdkClient(setup.origin)), setup);
}
