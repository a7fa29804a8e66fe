/**
 * Owns which module starts which peer. It loads none before it is asked: what others need must not be in the
 * memory of the one that is measured.
 */
import type { PeerName } from "./catalogue.ts";
import type { StartPeer } from "./peer.ts";

export const starters: Readonly<Record<PeerName, () => Promise<StartPeer>>> = {
  millrace: async () => (await import("./millrace.ts")).startMillrace,
  "millrace-sdk": async () => (await import("./millrace.ts")).startMillraceSdk,
  "millrace-batch": async () => (await import("./millrace.ts")).startMillraceBatch,
  "millrace-threads": async () => (await import("./millrace-threads.ts")).startMillraceThreads,
  "sqs-consumer": async () => (await import("./sqs-consumer.ts")).startSqsConsumer,
  "sqs-consumer-single": async () => (await import("./sqs-consumer.ts")).startSqsConsumerSingle,
  "sqs-consumer-batch": async () => (await import("./sqs-consumer.ts")).startSqsConsumerBatch,
  "squiss-ts": async () => (await import("./squiss.ts")).startSquiss,
  "sdk-loop": async () => (await import("./loops.ts")).startSdkLoop,
  "undici-loop": async () => (await import("./loops.ts")).startUndiciLoop,
  "pool-loop": async () => (await import("./loops.ts")).startPoolLoop,
  producer: async () => (await import("./producers.ts")).startProducer,
  "producer-sdk": async () => (await import("./producers.ts")).startProducerSdk,
  "sqs-producer": async () => (await import("./producers.ts")).startSqsProducer,
  "sdk-sends": async () => (await import("./producers.ts")).startSdkSends,
  "undici-sends": async () => (await import("./producers.ts")).startUndiciSends,
};
