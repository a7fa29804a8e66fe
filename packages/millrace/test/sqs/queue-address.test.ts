import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.ts";
import type { SqsApi, SqsInput, SqsOperation, SqsOutput } from "../../src/sqs/api.ts";
import { SqsRequestError, SqsResponseError } from "../../src/sqs/errors.ts";
import { parseQueue, resolveQueueUrl } from "../../src/sqs/queue-address.ts";

describe("parseQueue", () => {
  it.each([
    ["orders", { kind: "name", name: "orders", fifo: false }],
    ["orders.fifo", { kind: "name", name: "orders.fifo", fifo: true }],
    ["fifo", { kind: "name", name: "fifo", fifo: false }],
    [
      "arn:aws:sqs:eu-west-1:123456789012:orders.fifo",
      {
        kind: "arn",
        name: "orders.fifo",
        fifo: true,
        region: "eu-west-1",
        accountId: "123456789012",
      },
    ],
    [
      "arn:aws-cn:sqs:cn-north-1:123456789012:orders",
      { kind: "arn", name: "orders", fifo: false, region: "cn-north-1", accountId: "123456789012" },
    ],
    [
      "https://sqs.ap-northeast-2.amazonaws.com/123456789012/orders",
      {
        kind: "url",
        name: "orders",
        fifo: false,
        region: "ap-northeast-2",
        accountId: "123456789012",
      },
    ],
    [
      "http://127.0.0.1:9324/000000000000/orders.fifo",
      {
        kind: "url",
        name: "orders.fifo",
        fifo: true,
        region: undefined,
        accountId: "000000000000",
      },
    ],
    [
      "http://localhost:9324/queue/orders",
      { kind: "url", name: "orders", fifo: false, region: undefined, accountId: undefined },
    ],
  ])("reads %s", (queue, address) => {
    expect(parseQueue(queue)).toEqual(address);
  });

  it.each([
    ["https://sqs-fips.us-gov-west-1.amazonaws.com/1/q", "us-gov-west-1"],
    ["https://sqs.us-east-1.api.aws/1/q", "us-east-1"],
    ["https://sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1"],
    ["https://queue.amazonaws.com/1/q", "us-east-1"],
    ["https://eu-west-2.queue.amazonaws.com/1/q", "eu-west-2"],
    ["https://vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com/1/q", "eu-west-1"],
    ["https://SQS.EU-WEST-1.amazonaws.com/1/q", "eu-west-1"],
    ["https://sqs.example.com/1/q", undefined],
    ["http://sqs.us-east-1.localhost.localstack.cloud:4566/1/q", undefined],
  ])("finds the region in the host of %s", (url, region) => {
    expect(parseQueue(url).region).toBe(region);
  });

  it.each([
    "",
    " orders",
    "orders/other",
    "bestellungen-für-alle",
    ".fifo",
    "a.b.fifo",
    "x".repeat(81),
    "https://sqs.eu-west-1.amazonaws.com",
    "https://sqs.eu-west-1.amazonaws.com/123456789012/",
    "https://user:secret@sqs.eu-west-1.amazonaws.com/123456789012/q",
    "https://sqs.eu-west-1.amazonaws.com/123456789012/q?x=1",
    "ftp://host/1/q",
    "arn:aws:sns:eu-west-1:123456789012:orders",
    "arn:aws:sqs:eu-west-1:12345:orders",
    "arn:aws:sqs:eu-west-1:123456789012:",
    "arn:aws:sqs:eu-west-1:123456789012:a:b",
    undefined as unknown as string,
    42 as unknown as string,
  ])("refuses %j", (queue) => {
    expect(() => parseQueue(queue)).toThrow(OptionError);
  });

  it("takes eighty characters, .fifo included", () => {
    expect(parseQueue(`${"x".repeat(75)}.fifo`).fifo).toBe(true);
    expect(() => parseQueue(`${"x".repeat(76)}.fifo`)).toThrow(OptionError);
  });
});

describe("resolveQueueUrl", () => {
  class OneAnswer implements SqsApi {
    readonly inputs: unknown[] = [];
    readonly signals: unknown[] = [];
    readonly #url: string | undefined;

    constructor(url: string | undefined) {
      this.#url = url;
    }

    call<O extends SqsOperation>(
      operation: O,
      input: SqsInput<O>,
      options?: { signal?: AbortSignal | undefined },
    ): Promise<SqsOutput<O>> {
      this.inputs.push([operation, input]);
      this.signals.push(options?.signal);
      return Promise.resolve({ QueueUrl: this.#url } as SqsOutput<O>);
    }
  }

  const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";

  it("asks nobody for a URL", async () => {
    const sqs = new OneAnswer(undefined);
    expect(await resolveQueueUrl(sqs, url)).toBe(url);
    expect(sqs.inputs).toEqual([]);
  });

  it("asks for a name, and hands the signal on", async () => {
    const sqs = new OneAnswer(url);
    const { signal } = new AbortController();
    expect(await resolveQueueUrl(sqs, "orders", signal)).toBe(url);
    expect(sqs.inputs).toEqual([["GetQueueUrl", { QueueName: "orders" }]]);
    expect(sqs.signals).toEqual([signal]);
  });

  it("asks for an ARN in the account it names", async () => {
    const sqs = new OneAnswer(url);
    expect(await resolveQueueUrl(sqs, "arn:aws:sqs:eu-west-1:123456789012:orders")).toBe(url);
    expect(sqs.inputs).toEqual([
      ["GetQueueUrl", { QueueName: "orders", QueueOwnerAWSAccountId: "123456789012" }],
    ]);
  });

  it("does not take a queue of the same name in another region", async () => {
    const asked = resolveQueueUrl(new OneAnswer(url), "arn:aws:sqs:us-east-1:123456789012:orders");
    await expect(asked).rejects.toThrow(SqsRequestError);
    await expect(asked).rejects.toThrow("is in us-east-1, but calls go to eu-west-1");
  });

  it.each([undefined, "", "nonsense"])("does not take %j for a URL", async (answer) => {
    const asked = resolveQueueUrl(new OneAnswer(answer), "orders");
    await expect(asked).rejects.toThrow(SqsResponseError);
  });
});
