/**
 * Owns how squiss-ts is set up to be measured. It never counts anything.
 */
import { Squiss } from "squiss-ts";
import type { Message } from "squiss-ts";
import type { PeerSetup } from "./peer.ts";
import { sdkAggregate } from "./sdk-client.ts";

export async function startSquiss(setup: PeerSetup): Promise<void> {
  const { origin, queueUrls, slots, handle } = setup;
  const SQS = sdkAggregate(origin);
  const work = async (message: Message): Promise<void> => {
    await handle(String(message.body));
    await message.del();
  };
  await Promise.all(
    queueUrls.map(async (queueUrl) => {
      const squiss = new Squiss({ queueUrl, SQS, maxInFlight: slots });
      squiss.on("message", (message: Message) => void work(message));
      squiss.on("error", (error: Error) => {
        throw error;
      });
      await squiss.start();
    }),
  );
}
