/**
 * Owns the floors: the least that a consumer can do, over the SDK and over bare HTTP. They never retry, extend
 * a lease, or stop.
 */
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { Pool } from "undici";
import { messageBody } from "../endpoint/canned-message.ts";
import type { PeerSetup } from "./peer.ts";
import { sdkClient } from "./settings.ts";

interface Received {
  readonly ReceiptHandle?: string | undefined;
  readonly Body?: string | undefined;
}

/** A client of two operations. */
interface BareClient {
  receive(queueUrl: string): Promise<readonly Received[]>;
  remove(queueUrl: string, received: readonly Received[]): Promise<unknown>;
}

const waitSeconds = 20;

export function startSdkLoop(setup: PeerSetup): Promise<void> {
  const client = sdkClient(setup.origin);
  return startLoops(setup, {
    receive: async (QueueUrl) => {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: waitSeconds,
      });
      const { Messages = [] } = await client.send(command);
      return Messages;
    },
    remove: (QueueUrl, received) =>
      client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: entriesOf(received) })),
  });
}

export function startUndiciLoop(setup: PeerSetup): Promise<void> {
  const call = bareCall(setup.origin);
  return startLoops(setup, {
    receive: async (QueueUrl) => {
      const answer: { Messages?: Received[] } = await call("ReceiveMessage", {
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: waitSeconds,
      });
      return answer.Messages ?? [];
    },
    remove: (QueueUrl, received) =>
      call("DeleteMessageBatch", { QueueUrl, Entries: entriesOf(received) }),
  });
}

/** Inserts as fast as the pool takes them, with nothing around. The rows are those that all peers insert. */
export function startPoolLoop({ slots, handle }: PeerSetup): Promise<void> {
  let number = 0;
  for (let loop = 0; loop < slots; loop += 1) {
    void forEver(async () => {
      number += 1;
      await handle(messageBody({ number, sentNs: process.hrtime.bigint() }));
    });
  }
  return Promise.resolve();
}

/** Calls SQS without a signature. */
export function bareCall(origin: string): <T>(operation: string, input: object) => Promise<T> {
  const pool = new Pool(origin, { connections: 500, headersTimeout: 0, bodyTimeout: 0 });
  return async <T>(operation: string, input: object): Promise<T> => {
    const { body } = await pool.request({
      path: "/",
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `AmazonSQS.${operation}`,
      },
      body: JSON.stringify(input),
    });
    const answer: T = JSON.parse(await body.text());
    return answer;
  };
}

function startLoops(setup: PeerSetup, client: BareClient): Promise<void> {
  const { queueUrls, loops, handle } = setup;
  for (const queueUrl of queueUrls) {
    for (let loop = 0; loop < loops; loop += 1) {
      void forEver(async () => {
        const received = await client.receive(queueUrl);
        if (received.length === 0) return;
        await Promise.all(received.map(({ Body = "" }) => handle(Body)));
        await client.remove(queueUrl, received);
      });
    }
  }
  return Promise.resolve();
}

function entriesOf(received: readonly Received[]): { Id: string; ReceiptHandle: string }[] {
  return received.map(({ ReceiptHandle = "" }, index) => ({ Id: String(index), ReceiptHandle }));
}

/** A failure is unhandled on purpose: it ends the process, and with it the measurement. */
export async function forEver(step: () => Promise<unknown>): Promise<never> {
  for (;;) await step();
}
