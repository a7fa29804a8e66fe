/**
 * Owns which module starts which peer. It loads none before it is asked: what others need must not be in the
 * memory of the one that is measured.
 */
import type { PeerName } from "./catalogue.ts";
import type { StartPeer } from "./peer.ts";

export const starters: Readonly<Record<PeerName, () => Promise<StartPeer>>> = {
  millrace: async () => (await import("./millrace.ts")).startMillrace,
  "millrace-sdk": async () => (await import("./millrace-sdk.ts")).startMillraceSdk,
  "millrace-batch": async () => (await import("./millrace.ts")).startMillraceBatch,
  "millrace-threads": async () => (await import("./millrace-threads.ts")).startMillraceThreads,
  "sqs-consumer": async () => (await import("./sqs-consumer.ts")).startSqsConsumer,
  "sqs-consumer-single": async () => (await import("./sqs-consumer.ts")).startSqsConsumerSingle,
  "sqs-consumer-batch": async () => (await import("./sqs-consumer.ts")).startSqsConsumerBatch,
  "squiss-ts": async () => (await import("./squiss.ts")).startSquiss,
  "sdk-loop": async () => (await import("./sdk-loop.ts")).startSdkLoop,
  "undici-loop": async () => (await import("./undici-loop.ts")).startUndiciLoop,
  "pool-loop": async () => (await import("./pool-loop.ts")).startPoolLoop,
  producer: async () => (await import("./producer.ts")).startProducer,
  "producer-sdk": async () => (await import("./millrace-sdk.ts")).startProducerSdk,
  "sqs-producer": async () => (await import("./sqs-producer.ts")).startSqsProducer,
  "sdk-sends": async () => (await import("./sdk-loop.ts")).startSdkSends,
  "undici-sends": async () => (await import("./undici-loop.ts")).startUndiciSends,
};
