/**
 * Owns how those that send are set up to be measured. It never counts anything.
 */
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { fromSdk, Producer } from "millrace";
import type { SqsApi } from "millrace";
import { Producer as SqsProducer } from "sqs-producer";
import { bareCall, forEver } from "./loops.ts";
import { httpSqs } from "./millrace.ts";
import type { PeerSetup } from "./peer.ts";
import { sdkClient } from "./settings.ts";

const body = JSON.stringify({
  reservation: 4_711,
  details: "seat 14A, train 731, Seoul to Busan, second class, window, no luggage. ".repeat(2),
});
const ten = Array.from({ length: 10 });

export function startProducer(setup: PeerSetup): Promise<void> {
  return sendThrough(httpSqs(setup.origin), setup);
}

export function startProducerSdk(setup: PeerSetup): Promise<void> {
  return sendThrough(fromSdk(sdkClient(setup.origin)), setup);
}

export function startSqsProducer(setup: PeerSetup): Promise<void> {
  const queueUrl = queueOf(setup);
  const producer = SqsProducer.create({ queueUrl, sqs: sdkClient(setup.origin) });
  const messages = ten.map((_, index) => ({ id: String(index), body }));
  return startCallers(setup, setup.slots / 10, 10, () => producer.send(messages));
}

export function startSdkSends(setup: PeerSetup): Promise<void> {
  const QueueUrl = queueOf(setup);
  const client = sdkClient(setup.origin);
  return startCallers(setup, setup.slots, 1, () =>
    client.send(new SendMessageCommand({ QueueUrl, MessageBody: body })),
  );
}

export function startUndiciSends(setup: PeerSetup): Promise<void> {
  const QueueUrl = queueOf(setup);
  const call = bareCall(setup.origin);
  return startCallers(setup, setup.slots / 10, 10, () => {
    const Entries = ten.map((_, index) => ({ Id: String(index), MessageBody: body }));
    return call("SendMessageBatch", { QueueUrl, Entries });
  });
}

function sendThrough(sqs: SqsApi, setup: PeerSetup): Promise<void> {
  const producer = new Producer({ queue: queueOf(setup), sqs });
  return startCallers(setup, setup.slots, 1, () => producer.send(body));
}

function startCallers(
  { onDone }: PeerSetup,
  callers: number,
  messages: number,
  send: () => Promise<unknown>,
): Promise<void> {
  for (let caller = 0; caller < callers; caller += 1) {
    void forEver(async () => {
      await send();
      onDone(messages);
    });
  }
  return Promise.resolve();
}

function queueOf({ queueUrls }: PeerSetup): string {
  const [queueUrl] = queueUrls;
  if (queueUrl === undefined) throw new Error("a producer needs a queue");
  return queueUrl;
}
