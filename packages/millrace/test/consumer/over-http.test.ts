/**
 * The consumer over real HTTP, signatures verified, on the machine's own clock: what virtual time cannot
 * show. Tests await what happens; nothing in them is timed.
 */
import { setImmediate } from "node:timers/promises";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { SqsService, startLocalSqs } from "@millrace/local-sqs";
import type { ConsumerEvents, ConsumerOptions, SqsApi } from "millrace";
import { Consumer, deadLetter, fromSdk, HttpSqs } from "millrace";
import { describe, expect, it, onTestFinished } from "vitest";
import { deferred } from "./faults.ts";

const region = "us-east-1";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };

/** A way to SQS, and its end. */
interface Client {
  readonly sqs: SqsApi;
  readonly close: () => unknown;
}

const clients: Record<string, (endpoint: string, secretAccessKey?: string) => Client> = {
  HttpSqs: (endpoint, secretAccessKey = "secret") => {
    const sqs = new HttpSqs({
      region,
      endpoint,
      credentials: { ...credentials, secretAccessKey },
    });
    return { sqs, close: () => sqs.close() };
  },
  fromSdk: (endpoint, secretAccessKey = "secret") => {
    const client = new SQSClient({
      region,
      endpoint,
      credentials: { ...credentials, secretAccessKey },
    });
    return { sqs: fromSdk(client), close: () => client.destroy() };
  },
};

/** A server with a queue `jobs`, whose dead letters go to `dead`. It ends with the test. */
async function serve(port = 0, service = new SqsService()): Promise<LocalSqs> {
  const server = await startLocalSqs({ port, region, credentials, service });
  onTestFinished(() => server.stop());
  return server;
}

async function withQueues(server: LocalSqs, VisibilityTimeout = "30"): Promise<string> {
  const { service } = server;
  await service.call("CreateQueue", { QueueName: "dead" });
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  await service.call("CreateQueue", {
    QueueName: "jobs",
    Attributes: {
      VisibilityTimeout,
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 100 }),
    },
  });
  return server.queueUrl("jobs");
}

async function send(server: LocalSqs, ...bodies: string[]): Promise<void> {
  const QueueUrl = server.queueUrl("jobs");
  for (const MessageBody of bodies)
    await server.service.call("SendMessage", { QueueUrl, MessageBody });
}

/** Messages of a queue, visible and in flight. */
async function depth(server: LocalSqs, name: string): Promise<[visible: number, inFlight: number]> {
  const { Attributes = {} } = await server.service.call("GetQueueAttributes", {
    QueueUrl: server.queueUrl(name),
    AttributeNames: ["All"],
  });
  return [
    Number(Attributes["ApproximateNumberOfMessages"]),
    Number(Attributes["ApproximateNumberOfMessagesNotVisible"]),
  ];
}

/** Resolves with the `count`th event of that name from now on. */
function event<Body, Name extends keyof ConsumerEvents>(
  consumer: Consumer<Body>,
  name: Name,
  count = 1,
): Promise<ConsumerEvents[Name]> {
  const { promise, resolve } = deferred<ConsumerEvents[Name]>();
  let seen = 0;
  const listener = (payload: ConsumerEvents[Name]): void => {
    seen += 1;
    if (seen < count) return;
    consumer.off(name, listener);
    resolve(payload);
  };
  consumer.on(name, listener);
  return promise;
}

/** Lets turns of the event loop pass until it holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

describe.each(Object.keys(clients))("over %s", (name) => {
  function consume<Body = string>(
    endpoint: string,
    options: Pick<ConsumerOptions<Body>, "handle"> & Partial<ConsumerOptions<Body>>,
    secretAccessKey?: string,
  ): Consumer<Body> {
    const client = clients[name]?.(endpoint, secretAccessKey);
    if (client === undefined) throw new Error(`there is no client ${name}`);
    const silent = (): void => {};
    const consumer = new Consumer<Body>({
      queue: "jobs",
      sqs: client.sqs,
      logger: { debug: silent, info: silent, warn: silent, error: silent },
      ...options,
    });
    onTestFinished(async () => {
      await consumer.stop({ deadlineMs: 0 });
      await client.close();
    });
    return consumer;
  }

  it("does the main job", async () => {
    const server = await serve();
    await withQueues(server);
    const texts = Array.from({ length: 100 }, (_, index) => `Größe ${index} 🎫`);
    await send(server, ...texts);
    const handled = new Set<string>();
    const consumer = consume(server.endpoint, { handle: ({ body }) => void handled.add(body) });
    const done = event(consumer, "acknowledged", 100);
    await consumer.start();
    await done;
    expect(handled).toEqual(new Set(texts));
    expect(await consumer.stop()).toMatchObject({ abandoned: 0 });
    expect(await depth(server, "jobs")).toEqual([0, 0]);
    expect(server.requests()).not.toHaveProperty("DeleteMessage");
    expect(server.requests().DeleteMessageBatch).toBeLessThan(50);
  });

  it("retries what failed", async () => {
    const server = await serve();
    await withQueues(server);
    await send(server, "a");
    const consumer = consume(server.endpoint, {
      handle: ({ receiveCount }) => {
        if (receiveCount < 3) throw new Error("on purpose");
      },
      retry: () => 0,
    });
    const done = event(consumer, "acknowledged");
    await consumer.start();
    expect((await done).message).toMatchObject({ body: "a", receiveCount: 3 });
    expect(consumer.stats()).toMatchObject({ failed: 2, retried: 2 });
  });

  it("keeps the lease of a message that is worked on for longer than its visibility timeout", async () => {
    const server = await serve();
    await withQueues(server, "1");
    await send(server, "slow");
    const consumer = consume(server.endpoint, {
      handle: () => until(() => (server.requests().ChangeMessageVisibilityBatch ?? 0) >= 3),
    });
    const done = event(consumer, "acknowledged");
    await consumer.start();
    await done;
    expect(consumer.stats()).toMatchObject({ started: 1, leasesLost: 0 });
  });

  it("dead-letters what does not fit, and what a handler says can never succeed", async () => {
    const server = await serve();
    await withQueues(server);
    await send(server, "no JSON", '"never"', '"fine"');
    const consumer = consume(server.endpoint, {
      schema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value) =>
            typeof value === "string" ? { value } : { issues: [{ message: "no string" }] },
        },
      },
      handle: ({ body }) => (body === "never" ? deadLetter({ reason: "no such seat" }) : undefined),
    });
    const done = Promise.all([event(consumer, "deadLettered", 2), event(consumer, "acknowledged")]);
    await consumer.start();
    await done;
    const { Messages = [] } = await server.service.call("ReceiveMessage", {
      QueueUrl: server.queueUrl("dead"),
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ["All"],
    });
    const copies = Messages.map(({ Body, MessageAttributes }) => [
      Body,
      MessageAttributes?.["millrace.deadLetterReason"]?.StringValue,
    ]);
    expect(new Map(copies as [string, string][])).toEqual(
      new Map([
        ["no JSON", "the body is not JSON"],
        ['"never"', "no such seat"],
      ]),
    );
    expect(await depth(server, "jobs")).toEqual([0, 0]);
  });

  it("stops while a long poll is open, and leaves no poll behind that would take a message", async () => {
    const server = await serve();
    await withQueues(server);
    const consumer = consume(server.endpoint, { handle: () => {} });
    await consumer.start();
    await until(() => server.service.waitingReceives() === 1);
    expect(await consumer.stop()).toMatchObject({ finished: 0, abandoned: 0 });
    // The server hears of it a moment later; until then a message could still go to the dead connection.
    await until(() => server.service.waitingReceives() === 0);
    await send(server, "later");
    expect(consumer.stats()).toMatchObject({ started: 0, inHand: 0 });
    expect(await depth(server, "jobs")).toEqual([1, 0]);
  });

  it("rejects the start when the queue is missing", async () => {
    const server = await serve();
    const consumer = consume(server.endpoint, { handle: () => {} });
    await expect(consumer.start()).rejects.toMatchObject({
      code: "SQS_SERVICE_ERROR",
      category: "missingQueue",
    });
    expect(consumer.health()).toEqual({ status: "stopped" });
  });

  it("rejects the start when the secret is wrong, and does not say which it was", async () => {
    const server = await serve();
    const queue = await withQueues(server);
    const consumer = consume(server.endpoint, { handle: () => {}, queue }, "wrongwrongwrong");
    const error: unknown = await consumer.start().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SQS_SERVICE_ERROR", category: "denied" });
    expect(String(error)).not.toContain("wrongwrongwrong");
  });

  it("goes on when the server has gone and come back", async () => {
    const service = new SqsService();
    onTestFinished(() => service.close());
    const server = await serve(0, service);
    const queue = await withQueues(server);
    const consumer = consume(server.endpoint, { handle: () => {}, queue });
    const first = event(consumer, "acknowledged");
    await consumer.start();
    await send(server, "before");
    await first;
    await until(() => service.waitingReceives() === 1);

    const failed = event(consumer, "pollFailed");
    const second = event(consumer, "acknowledged");
    await server.stop();
    expect((await failed).error).toMatchObject({ category: "transient" });
    expect(consumer.health()).toMatchObject({ status: "degraded" });
    const again = await serve(server.port, service);
    await send(again, "after");
    expect((await second).message).toMatchObject({ body: "after" });
    expect(consumer.health()).toMatchObject({ status: "healthy" });
  });
});
