import { SqsService } from "@millrace/local-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seededRandom } from "millrace/testing";
import { sleep } from "../../src/clock.ts";
import type { ProducerOptions } from "../../src/producer/options.ts";
import { Producer } from "../../src/producer/producer.ts";
import type {
  SqsApi,
  SqsCallOptions,
  SqsInput,
  SqsOperation,
  SqsOutput,
} from "../../src/sqs/api.ts";
import { SqsConnectionError } from "../../src/sqs/errors.ts";
import type { ReceivedMessage } from "../../src/sqs/operations.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";

let clock: VirtualClock;
let service: SqsService;
beforeEach(() => {
  clock = new VirtualClock();
  service = new SqsService({ clock, random: seededRandom(1) });
});
afterEach(() => {
  service.close();
  if (clock.pendingTimers > 0) throw new Error(`${clock.pendingTimers} timers are left`);
});

function createProducer(options: Partial<ProducerOptions> & { queue: string }): Producer {
  return new Producer({ sqs: service, clock, random: seededRandom(2), ...options });
}

async function close(producer: Producer): Promise<void> {
  let closed = false;
  void producer.close().then(() => (closed = true));
  await clock.advanceUntil(() => closed);
}

async function createQueue(name: string, attributes: Record<string, string> = {}): Promise<string> {
  const input = { QueueName: name, Attributes: attributes };
  const { QueueUrl } = await service.call("CreateQueue", input);
  return QueueUrl ?? "";
}

/** Everything on a queue, deleted as it is received. */
async function drain(queueUrl: string): Promise<ReceivedMessage[]> {
  const { Messages = [] } = await service.call("ReceiveMessage", {
    QueueUrl: queueUrl,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ["All"],
    MessageSystemAttributeNames: ["All"],
  });
  for (const { ReceiptHandle = "" } of Messages) {
    await service.call("DeleteMessage", { QueueUrl: queueUrl, ReceiptHandle });
  }
  return Messages.length === 0 ? [] : [...Messages, ...(await drain(queueUrl))];
}

const bodies = (messages: readonly ReceivedMessage[]): unknown[] =>
  messages.map(({ Body }) => Body);

/** A network before a service: slow by chance, it loses requests and answers and fails entries. */
class BadNetwork implements SqsApi {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  async call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options?: SqsCallOptions,
  ): Promise<SqsOutput<O>> {
    const lose = (share: number): void => {
      if (this.#random() < share) throw new SqsConnectionError(`${operation}: reset`, operation);
    };
    await sleep(clock, this.#random() * 40, options?.signal);
    lose(0.1);
    const output = await service.call(operation, input, options);
    await sleep(clock, this.#random() * 40, options?.signal);
    lose(0.1);
    return output;
  }
}

it("brings to the queue what was sent, and reports the ids that it has there", async () => {
  const queueUrl = await createQueue("orders");
  const producer = createProducer({ queue: "orders" });
  const attributes = { text: "é 🎫", number: -1.5e-7, bytes: Uint8Array.of(0, 255) };
  const sends = [
    producer.send("as it is", { attributes, groupId: "tenant" }),
    producer.send({ seat: "4A" }, { delaySeconds: 10 }),
  ];
  await clock.advance(5);
  const [first, second] = await Promise.all(sends);
  const received = await drain(queueUrl);
  expect(received).toMatchObject([
    {
      MessageId: first?.messageId,
      Body: "as it is",
      Attributes: { MessageGroupId: "tenant" },
      MessageAttributes: {
        text: { DataType: "String", StringValue: "é 🎫" },
        number: { DataType: "Number", StringValue: "-1.5e-7" },
        bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 255) },
      },
    },
  ]);
  await clock.advance(10_000);
  expect(await drain(queueUrl)).toMatchObject([
    { MessageId: second?.messageId, Body: '{"seat":"4A"}' },
  ]);
  await close(producer);
});

it("lets through whatever SQS takes, up to the limit", async () => {
  const queueUrl = await createQueue("limits");
  const producer = createProducer({ queue: queueUrl });
  const names = ["a".repeat(256), "a.b-c_D", "_", "9", "awsome.x", "-"];
  const sends = [
    producer.send("x".repeat(1_048_576)),
    producer.send("\t\n\r \uE000\uFFFD\u{10FFFF}"),
    ...names.map((name) => producer.send("name", { attributes: { [name]: "1" } })),
    ...[1e126, -1e126, 1e-128, 0, 10n ** 38n - 1n].map((number) =>
      producer.send("number", { attributes: { number } }),
    ),
    producer.send("token", { groupId: "!~".repeat(64), delaySeconds: 900 }),
  ];
  await clock.advance(5);
  expect(await Promise.all(sends)).toHaveLength(14);
  await close(producer);
});

it("rejects alone what is too large for this queue", async () => {
  const queueUrl = await createQueue("small", { MaximumMessageSize: "1024" });
  const producer = createProducer({ queue: queueUrl });
  const sends = [producer.send("before"), producer.send("x".repeat(1_025)), producer.send("after")];
  const settled = Promise.allSettled(sends);
  await clock.advance(5);
  expect(await settled).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: { code: "SEND_FAILED", mayBeSent: false } },
    { status: "fulfilled" },
  ]);
  expect(bodies(await drain(queueUrl))).toEqual(["before", "after"]);
  await close(producer);
});

it("rejects while there is no such queue, and sends once there is", async () => {
  const producer = createProducer({ queue: "later" });
  const early = Promise.allSettled([producer.send("early")]);
  await clock.advance(5);
  expect(await early).toMatchObject([{ reason: { cause: { category: "missingQueue" } } }]);
  const queueUrl = await createQueue("later");
  const sent = producer.send("in time");
  await clock.advance(5);
  await sent;
  expect(bodies(await drain(queueUrl))).toEqual(["in time"]);
  await close(producer);
});

describe("on a FIFO queue", () => {
  const fifo = { FifoQueue: "true" };

  it.each([[1], [2], [3], [4], [5]])(
    "fault 28: sends of one group arrive in order and once, over a bad network (seed %i)",
    async (seed) => {
      const queueUrl = await createQueue("orders.fifo", fifo);
      const random = seededRandom(seed);
      const sqs = new BadNetwork(random);
      const producer = createProducer({ queue: queueUrl, sqs });
      const called: Record<string, string[]> = {};
      const sends: Promise<{ sequenceNumber?: string | undefined }>[] = [];
      for (let i = 0; i < 100; i += 1) {
        const groupId = `group-${Math.floor(random() * 5)}`;
        (called[groupId] ??= []).push(`${i}`);
        sends.push(producer.send(`${i}`, { groupId }));
        await clock.advance(random() * 20);
      }
      await close(producer);
      for (const { sequenceNumber } of await Promise.all(sends))
        expect(sequenceNumber).toBeDefined();
      const arrived: Record<string, unknown[]> = {};
      for (const { Body, Attributes } of await drain(queueUrl)) {
        (arrived[Attributes?.["MessageGroupId"] ?? ""] ??= []).push(Body);
      }
      expect(arrived).toEqual(called);
      expect(producer.stats()).toMatchObject({ sent: 100, failed: 0 });
    },
  );

  it("leaves deduplication by content to the queue when told so", async () => {
    const queueUrl = await createQueue("content.fifo", {
      ...fifo,
      ContentBasedDeduplication: "true",
    });
    const own = createProducer({ queue: queueUrl });
    const byContent = createProducer({ queue: queueUrl, contentBasedDeduplication: true });
    const options = { groupId: "g" };
    const [a, b] = [own.send("same", options), own.send("same", options)];
    const [c, d] = [byContent.send("same", options), byContent.send("same", options)];
    await clock.advance(20);
    const ids = (await Promise.all([a, b, c, d])).map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(3);
    expect(ids[2]).toBe(ids[3]);
    expect(await drain(queueUrl)).toHaveLength(3);
    await close(own);
    await close(byContent);
  });
});
