/**
 * Owns the list of what is measured, and with which options: the one place where those are stated. It never
 * starts any.
 */

interface PeerEntry {
  readonly title: string;
  /** How it is set up, and why so. */
  readonly options: string;
}

const sdkClient =
  "one SQSClient with keep-alive and up to 500 sockets, as the SDK's guide has it for throughput, and without MD5 sums, of which millrace makes none";

export const peerNames = [
  "millrace",
  "millrace-sdk",
  "millrace-batch",
  "millrace-threads",
  "sqs-consumer",
  "sqs-consumer-single",
  "sqs-consumer-batch",
  "squiss-ts",
  "sdk-loop",
  "undici-loop",
  "pool-loop",
  "producer",
  "producer-sdk",
  "sqs-producer",
  "sdk-sends",
  "undici-sends",
] as const;

export type PeerName = (typeof peerNames)[number];

export const catalogue: Readonly<Record<PeerName, PeerEntry>> = {
  millrace: {
    title: "millrace",
    options:
      "Consumer with `handle` over HttpSqs; `concurrency` as the case says, everything else by default.",
  },
  "millrace-sdk": {
    title: "millrace over the SDK",
    options: `The same over \`fromSdk\`: ${sdkClient}.`,
  },
  "millrace-batch": {
    title: "millrace, handleBatch",
    options:
      "Consumer with `handleBatch` over HttpSqs; `concurrency` and `batch.maxSize` as the case says.",
  },
  "millrace-threads": {
    title: "millrace, inThreads",
    options: "Consumer with `inThreads` on 2 worker threads, one task a thread; the rest as above.",
  },
  "sqs-consumer": {
    title: "sqs-consumer",
    options: `\`handleMessage\`, \`batchSize\` 10 (1 where there is one handler), and one Consumer for ten handlers at once, as its maintainers advise (issues 96 and 229); ${sdkClient}.`,
  },
  "sqs-consumer-single": {
    title: "sqs-consumer, one each",
    options: `\`handleMessage\`, \`batchSize\` 1, and a Consumer for each handler, so that none waits for another's; ${sdkClient}.`,
  },
  "sqs-consumer-batch": {
    title: "sqs-consumer, batches",
    options: `\`handleMessageBatch\`, \`batchSize\` 10, as many Consumers; ${sdkClient}.`,
  },
  "squiss-ts": {
    title: "squiss-ts",
    options: `\`maxInFlight\` as many as handlers at once, everything else by default: ten a receive, ten a delete; ${sdkClient}.`,
  },
  "sdk-loop": {
    title: "bare loop, AWS SDK",
    options: `Loops of receive 10, handle all, DeleteMessageBatch; one for ten handlers at once; ${sdkClient}.`,
  },
  "undici-loop": {
    title: "bare loop, undici",
    options:
      "The same loops, each request unsigned through an undici Pool: no client that signs can cost less.",
  },
  "pool-loop": {
    title: "bare loop of inserts",
    options: "No queue: as many loops of `pool.query` as there are handlers at once.",
  },
  producer: {
    title: "millrace Producer",
    options: "`send` from 100 callers at once, one message a call; everything by default.",
  },
  "producer-sdk": {
    title: "millrace Producer over the SDK",
    options: `The same over \`fromSdk\`: ${sdkClient}.`,
  },
  "sqs-producer": {
    title: "sqs-producer",
    options: `\`send\` with arrays of ten, which it makes one request of, from ten callers at once; ${sdkClient}.`,
  },
  "sdk-sends": {
    title: "AWS SDK, one by one",
    options: `SendMessage from 100 callers at once; ${sdkClient}.`,
  },
  "undici-sends": {
    title: "bare SendMessageBatch, undici",
    options: "Unsigned, ten messages a request, from ten callers at once.",
  },
};

/** The package a peer comes in, where that is somebody else's. */
export const packagesMeasured: readonly string[] = [
  "sqs-consumer",
  "squiss-ts",
  "sqs-producer",
  "@aws-sdk/client-sqs",
  "undici",
  "pg",
];
