/**
 * Owns how sqs-consumer is set up to be measured. It never counts anything.
 */
import { Consumer } from "sqs-consumer";
import type { ConsumerOptions } from "sqs-consumer";
import type { PeerSetup } from "./peer.ts";
import { sdkClient } from "./sdk-client.ts";

export function startSqsConsumer(setup: PeerSetup): Promise<void> {
  // It hands all of a receive over at once, so that is how many handlers there are at once.
  return start(setup, { batchSize: Math.min(10, setup.slots), ...oneByOne(setup) });
}

/** No message waits for others of its receive; each costs a receive of its own. */
export function startSqsConsumerSingle(setup: PeerSetup): Promise<void> {
  return start({ ...setup, loops: setup.slots }, { batchSize: 1, ...oneByOne(setup) });
}

export function startSqsConsumerBatch(setup: PeerSetup): Promise<void> {
  return start(setup, {
    batchSize: 10,
    handleMessageBatch: async (messages) => {
      await setup.handleBatch(messages.map(({ Body = "" }) => Body));
      return messages;
    },
  });
}

type Options = Pick<ConsumerOptions, "batchSize" | "handleMessage" | "handleMessageBatch">;

function oneByOne({ handle }: PeerSetup): Options {
  return {
    handleMessage: async (message) => {
      await handle(message.Body ?? "");
      return message;
    },
  };
}

function start({ origin, queueUrls, loops }: PeerSetup, options: Options): Promise<void> {
  const sqs = sdkClient(origin);
  for (const queueUrl of queueUrls) {
    for (let loop = 0; loop < loops; loop += 1) {
      const consumer = Consumer.create({ queueUrl, sqs, ...options });
      consumer.on("error", fail);
      consumer.on("processing_error", fail);
      consumer.start();
    }
  }
  return Promise.resolve();
}

/** Ends the process, and with it the measurement. */
function fail(error: Error): never {
  throw error;
}
