/**
 * The guide to the producer: its programs run as they stand, and its tables leave nothing out.
 */
import { SqsService } from "@millrace/local-sqs";
import { Producer } from "millrace";
import type {
  ProducerBatchOptions,
  ProducerOptions,
  ProducerRetryOptions,
  SendOptions,
} from "millrace";
import { describe, expect, it } from "vitest";
import { actionsFor, actionsOf, rowsOf, runSnippet, snippetsOf, useLocalSqs } from "../guide.ts";

const document = "docs/guides/producer.md";
const snippets = snippetsOf(document);

describe("programs", () => {
  it("are those that are run here", () => {
    expect(snippets).toHaveLength(3);
  });

  it.each([
    [0, "sending", "true\n1\n"],
    [1, "an error", "INVALID_MESSAGE body\n"],
    [2, "closing", "fulfilled,fulfilled\n2 0 0 0 0\n"],
  ])("program %i, %s", async (index, _, out) => {
    const { env } = await useLocalSqs();
    const { exit, printed } = runSnippet(snippets[index] ?? "", env);
    expect(await exit).toEqual([0, null]);
    expect(printed).toEqual({ out, err: "" });
  });
});

it("names the permissions that a producer uses, and no others", async () => {
  const sqs = new SqsService();
  await sqs.call("CreateQueue", { QueueName: "orders" });
  const producer = new Producer({ queue: "orders", sqs });
  await producer.send("an order");
  await producer.close();
  sqs.close();
  const { requests } = producer.stats();
  expect(actionsOf(document).toSorted()).toEqual(actionsFor(requests).toSorted());
});

describe("tables", () => {
  const rows = rowsOf(document);
  // By type, so that the compiler says when one is missing here.
  const options: Record<keyof ProducerOptions, true> = {
    queue: true,
    sqs: true,
    batch: true,
    retry: true,
    maxPending: true,
    maxInFlight: true,
    contentBasedDeduplication: true,
    idempotencyKeys: true,
    clock: true,
    random: true,
  };
  const batch: Record<`batch.${keyof ProducerBatchOptions}`, true> = {
    "batch.maxSize": true,
    "batch.maxWaitMs": true,
    "batch.maxPerGroup": true,
  };
  const retry: Record<`retry.${keyof ProducerRetryOptions}`, true> = {
    "retry.baseMs": true,
    "retry.maxMs": true,
    "retry.giveUpAfterMs": true,
  };
  const send: Record<keyof SendOptions, true> = {
    delaySeconds: true,
    groupId: true,
    deduplicationId: true,
    idempotencyKey: true,
    attributes: true,
    signal: true,
  };

  it.each([
    ["option", Object.keys({ ...options, ...batch, ...retry })],
    ["option of a send", Object.keys(send)],
  ])("name every %s", (heading, names) => {
    expect(rows.get(heading)?.toSorted()).toEqual(names.toSorted());
  });
});
