import { Producer, deadLetter } from "millrace";
import type { Message } from "millrace";
import { seededRandom } from "millrace/testing";
import { expect, it } from "vitest";
import { Bench } from "./bench.ts";

/** Sends through a producer, and answers what a consumer's handler gets of it. */
async function deliver(bench: Bench, idempotencyKey?: string): Promise<Message> {
  const { queueUrl: queue, service: sqs, clock } = bench;
  const producer = new Producer({ queue, sqs, clock, random: seededRandom(3) });
  await bench.run(producer.send("a", { idempotencyKey, attributes: { tenant: "acme" } }));
  await bench.run(producer.close());
  return receive(bench);
}

async function receive(bench: Bench): Promise<Message> {
  const received: Message[] = [];
  const { consumer } = bench.consumer({
    handle: (message) => {
      received.push(message);
      return deadLetter();
    },
  });
  await bench.start(consumer);
  await bench.clock.advanceUntil(() => consumer.stats().deadLettered > 0);
  await bench.run(consumer.stop());
  const [message] = received;
  if (message === undefined) throw new Error("nothing was received");
  return message;
}

async function arnOf({ service }: Bench, QueueUrl: string): Promise<string> {
  const input = { QueueUrl, AttributeNames: ["QueueArn"] };
  const { Attributes } = await service.call("GetQueueAttributes", input);
  return Attributes?.["QueueArn"] ?? "";
}

it("is what the producer was told, and no attribute among the others", async () => {
  const bench = await Bench.open();
  await bench.deadLetterQueue();
  const message = await deliver(bench, "order-4711");
  expect(message.idempotencyKey).toBe("order-4711");
  expect({ ...message.attributes }).toEqual({ tenant: "acme" });
});

it("is a key of the message's own when the producer was told none", async () => {
  const bench = await Bench.open();
  await bench.deadLetterQueue();
  const message = await deliver(bench);
  expect(message.idempotencyKey).toMatch(/^[0-9a-f]{32}$/);
});

it("is the same after the message was dead-lettered and redriven, and the message id is not", async () => {
  const bench = await Bench.open();
  const dead = await bench.deadLetterQueue();
  const first = await deliver(bench);
  await bench.service.call("StartMessageMoveTask", {
    SourceArn: await arnOf(bench, dead),
    DestinationArn: await arnOf(bench, bench.queueUrl),
  });
  const second = await receive(bench);
  expect(second.idempotencyKey).toBe(first.idempotencyKey);
  expect(second.id).not.toBe(first.id);
});

it("is undefined when the message was sent by other means", async () => {
  const bench = await Bench.open();
  await bench.deadLetterQueue();
  await bench.send("a");
  expect(await receive(bench)).not.toHaveProperty("idempotencyKey");
});
