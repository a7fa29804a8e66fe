/**
 * The guide to the consumer: its programs run as they stand, and its tables leave nothing out.
 */
import { startLocalSqs } from "@millrace/local-sqs";
import { Consumer, deadLetter, Producer, retry } from "millrace";
import type {
  ConsumerBatchOptions,
  ConsumerEvents,
  ConsumerOptions,
  ConsumerStats,
  HealthStatus,
  HttpSqsOptions,
  Logger,
} from "millrace";
import pino from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { actionsFor, actionsOf, rowsOf, runSnippet, snippetsOf, useLocalSqs } from "../guide.ts";

const document = "docs/guides/consumer.md";
const snippets = snippetsOf(document);

describe("programs", () => {
  it("are those that are run here", () => {
    expect(snippets).toHaveLength(7);
  });

  it.each([
    [0, "many options", "order 4711 of ada, receive 1\n"],
    [1, "batches", "50 1\n"],
    [2, "health", "stopped → starting \nstarting → healthy \n200 healthy\nhealthy → stopped \n"],
    [4, "one HttpSqs for all", "over one client\n1\n"],
  ])("program %i, %s", async (index, _, out) => {
    const { env } = await useLocalSqs();
    const { exit, printed } = runSnippet(snippets[index] ?? "", env);
    expect(await exit).toEqual([0, null]);
    expect(printed).toEqual({ out, err: "" });
  });

  it("program 3, stopping by SIGTERM", async () => {
    const { env } = await useLocalSqs();
    const { child, exit, printed, printing } = runSnippet(snippets[3] ?? "", env);
    await printing("ready\n");
    child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
    expect(printed).toEqual({ out: "ready\nabandoned 0\n", err: "" });
  });

  it("program 5, through the SDK", async () => {
    const { env } = await useLocalSqs();
    const { exit, printed } = runSnippet(snippets[5] ?? "", env);
    expect(await exit).toEqual([0, null]);
    expect(printed.out).toBe("through the SDK\n"); // The SDK itself warns of endpoints and old versions of Node.
  });

  it("program 6 is needed: pino as it is prints neither data nor error", () => {
    const lines: string[] = [];
    const logger: Logger = pino(
      { base: null, timestamp: false },
      { write: (line) => lines.push(line) },
    );
    logger.error("a limit failed", { error: new Error("the pool is gone") });
    expect(lines).toEqual(['{"level":50,"msg":"a limit failed"}\n']);
  });

  it("program 6, pino prints data and errors", async () => {
    const { env } = await useLocalSqs();
    const { exit, printed } = runSnippet(snippets[6] ?? "", env);
    expect(await exit).toEqual([0, null]);
    const lines: unknown[] = printed.out
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 30, from: "starting", msg: "the consumer is healthy" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 40,
        order: "4711",
        msg: "printed late",
        err: expect.objectContaining({
          message: "the printer is on fire",
          stack: expect.stringContaining("Error: the printer is on fire\n"),
        }),
      }),
    );
  });
});

it("names the permissions that a consumer uses, and no others", async () => {
  const local = await startLocalSqs({ port: 0, queues: ["orders-dead"] });
  onTestFinished(() => local.stop());
  const { service: sqs } = local;
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:orders-dead";
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 10 });
  await sqs.call("CreateQueue", { QueueName: "orders", Attributes: { RedrivePolicy } });
  const producer = new Producer({ queue: "orders", sqs });
  await producer.send("good");
  await producer.send("bad");
  await producer.close();

  const consumer = new Consumer({
    queue: "orders",
    sqs,
    handle: ({ body, receiveCount }) => {
      if (receiveCount === 1) return retry({ afterSeconds: 0 });
      return body === "bad" ? deadLetter() : undefined;
    },
  });
  await consumer.start();
  await expect.poll(() => consumer.stats()).toMatchObject({ acknowledged: 1, deadLettered: 1 });
  await consumer.stop();
  const { requests } = consumer.stats();
  expect(actionsOf(document).toSorted()).toEqual(actionsFor(requests).toSorted());
});

describe("tables", () => {
  const rows = rowsOf(document);
  // By type, so that the compiler says when one is missing here.
  const options: Record<keyof ConsumerOptions<string>, true> = {
    queue: true,
    handle: true,
    handleBatch: true,
    batch: true,
    concurrency: true,
    prefetch: true,
    waitTimeSeconds: true,
    visibilityTimeoutSeconds: true,
    handlerTimeoutMs: true,
    retry: true,
    orderBy: true,
    schema: true,
    limits: true,
    sqs: true,
    logger: true,
    clock: true,
    random: true,
  };
  const batch: Record<keyof ConsumerBatchOptions, true> = { maxSize: true, maxWaitMs: true };
  const http: Record<keyof HttpSqsOptions, true> = {
    region: true,
    endpoint: true,
    credentials: true,
    maxAttempts: true,
    connections: true,
    connectTimeoutMs: true,
    requestTimeoutMs: true,
    clock: true,
    random: true,
  };
  const events: Record<keyof ConsumerEvents, true> = {
    received: true,
    started: true,
    acknowledged: true,
    retried: true,
    released: true,
    deadLettered: true,
    failed: true,
    leaseLost: true,
    pollFailed: true,
    settleFailed: true,
    stateChanged: true,
  };
  const health: Record<HealthStatus, true> = {
    stopped: true,
    starting: true,
    healthy: true,
    degraded: true,
    failing: true,
  };
  const counters: Record<
    Exclude<
      keyof ConsumerStats,
      "running" | "leftBehind" | "waiting" | "held" | "settling" | "inHand" | "openPolls"
    >,
    true
  > = {
    received: true,
    started: true,
    failed: true,
    acknowledged: true,
    retried: true,
    released: true,
    deadLettered: true,
    leasesLost: true,
    settlementsFailed: true,
    polls: true,
    emptyPolls: true,
    pollsFailed: true,
    requests: true,
  };

  it.each([
    ["option", [...Object.keys(options), ...Object.keys(batch).map((name) => `batch.${name}`)]],
    ["option of `HttpSqs`", Object.keys(http)],
    ["event", Object.keys(events)],
    ["status", Object.keys(health)],
    ["counter", Object.keys(counters)],
  ])("name every %s", (heading, names) => {
    expect(rows.get(heading)?.toSorted()).toEqual(names.toSorted());
  });
});
