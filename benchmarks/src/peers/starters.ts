/**
 * Owns which module starts which peer. It loads none before it is asked: what others need must not be in the
 * memory of the one that is measured.
 */
import type { PeerName } from "./catalogue.ts";
import type { StartPeer } from "./peer.ts";

const millrace = (): Promise<typeof import("./millrace.ts")> => import("./millrace.ts");
const sqsConsumer = (): Promise<typeof import("./sqs-consumer.ts")> => import("./sqs-consumer.ts");
const loops = (): Promise<typeof import("./loops.ts")> => import("./loops.ts");
const producers = (): Promise<typeof import("./producers.ts")> => import("./producers.ts");

export const starters: Readonly<Record<PeerName, () => Promise<StartPeer>>> = {
  millrace: async () => (await millrace()).startMillrace,
  "millrace-sdk": async () => (await millrace()).startMillraceSdk,
  "millrace-batch": async () => (await millrace()).startMillraceBatch,
  "sqs-consumer": async () => (await sqsConsumer()).startSqsConsumer,
  "sqs-consumer-batch": async () => (await sqsConsumer()).startSqsConsumerBatch,
  "squiss-ts": async () => (await import("./squiss.ts")).startSquiss,
  "sdk-loop": async () => (await loops()).startSdkLoop,
  "undici-loop": async () => (await loops()).startUndiciLoop,
  "pool-loop": async () => (await loops()).startPoolLoop,
  producer: async () => (await producers()).startProducer,
  "producer-sdk": async () => (await producers()).startProducerSdk,
  "sqs-producer": async () => (await producers()).startSqsProducer,
  "sdk-sends": async () => (await producers()).startSdkSends,
  "undici-sends": async () => (await producers()).startUndiciSends,
};
