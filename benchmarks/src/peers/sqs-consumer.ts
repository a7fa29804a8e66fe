/**
 * Owns how sqs-consumer is set up to be measured. It never counts anything.
 */
import { Consumer } from "sqs-consumer";
import type { ConsumerOptions } from "sqs-consumer";
import type { PeerSetup } from "./peer.ts";
import { sdkClient } from "./settings.ts";

export function startSqsConsumer(setup: PeerSetup): Promise<void> {
  return start(setup, {
    handleMessage: async (message) => {
      await setup.handle(message.Body ?? "");
      return message;
    },
  });
}

export function startSqsConsumerBatch(setup: PeerSetup): Promise<void> {
  return start(setup, {
    handleMessageBatch: async (messages) => {
      await setup.handleBatch(messages.map(({ Body = "" }) => Body));
      return messages;
    },
  });
}

type Handlers = Pick<ConsumerOptions, "handleMessage" | "handleMessageBatch">;

function start({ origin, queueUrls, loops }: PeerSetup, handlers: Handlers): Promise<void> {
  const sqs = sdkClient(origin);
  for (const queueUrl of queueUrls) {
    for (let loop = 0; loop < loops; loop += 1) {
      const consumer = Consumer.create({ queueUrl, sqs, batchSize: 10, ...handlers });
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
