import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Destinations } from "../../src/sqs/destination.ts";
import { SqsRequestError } from "../../src/sqs/errors.ts";
import { rejection } from "./bench.ts";

const queueUrl = "https://sqs.ap-northeast-2.amazonaws.com/123456789012/orders";

/** Each test has its own config file: the SDK's reader keeps what it has read, by path. */
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-"));
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
  }
  vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function find(
  options: { endpoint?: string; region?: string; queueUrl?: string } = {},
): Promise<string> {
  const endpoint = options.endpoint === undefined ? undefined : new URL(options.endpoint);
  const destinations = new Destinations(endpoint, options.region);
  const { origin, path, region } = await destinations.find("ListQueues", options.queueUrl);
  return `${region} ${origin}${path}`;
}

function config(text: string): Promise<void> {
  return writeFile(join(folder, "config"), text);
}

describe("the endpoint", () => {
  it("is the queue URL's origin when nothing else is said", async () => {
    expect(await find({ queueUrl })).toBe(
      "ap-northeast-2 https://sqs.ap-northeast-2.amazonaws.com/",
    );
  });

  it.each([
    ["eu-west-1", "https://sqs.eu-west-1.amazonaws.com/"],
    ["cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn/"],
    ["us-gov-east-1", "https://sqs.us-gov-east-1.amazonaws.com/"],
    ["us-isob-east-1", "https://sqs.us-isob-east-1.sc2s.sgov.gov/"],
  ])("is that of SQS in %s when there is no queue URL", async (region, url) => {
    expect(await find({ region })).toBe(`${region} ${url}`);
  });

  it("is the option's, whatever else is said", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_SQS", "http://sqs.env:1");
    const found = await find({ endpoint: "http://localhost:9324", queueUrl });
    expect(found).toBe("ap-northeast-2 http://localhost:9324/");
  });

  it("may have a path", async () => {
    expect(await find({ endpoint: "http://localhost/sqs", region: "eu-west-1" })).toBe(
      "eu-west-1 http://localhost/sqs",
    );
  });

  it("is AWS_ENDPOINT_URL_SQS, else AWS_ENDPOINT_URL, before the queue URL's", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL", "http://all.env:1");
    expect(await find({ queueUrl })).toBe("ap-northeast-2 http://all.env:1/");
    vi.stubEnv("AWS_ENDPOINT_URL_SQS", "http://sqs.env:1");
    expect(await find({ queueUrl })).toBe("ap-northeast-2 http://sqs.env:1/");
  });

  it("is the config file's endpoint_url", async () => {
    await config("[default]\nendpoint_url = http://file:1\n");
    expect(await find({ queueUrl })).toBe("ap-northeast-2 http://file:1/");
  });

  it("is that of the profile's services section before the profile's own", async () => {
    await config(`
[profile work]
services = local
endpoint_url = http://profile:1

[services local]
sqs =
  endpoint_url = http://service:1
sns =
  endpoint_url = http://other:1
`);
    vi.stubEnv("AWS_PROFILE", "work");
    expect(await find({ queueUrl })).toBe("ap-northeast-2 http://service:1/");
  });

  it("is not configured when AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says so", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL", "http://all.env:1");
    vi.stubEnv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    expect(await find({ queueUrl })).toContain("https://sqs.ap-northeast-2.amazonaws.com/");
    expect(await find({ queueUrl, endpoint: "http://option:1" })).toContain("http://option:1/");
  });

  it("is refused when what is configured is no URL, and found once that is put right", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL", "localhost:9324");
    const destinations = new Destinations(undefined, "eu-west-1");
    const error = await rejection(destinations.find("ListQueues", undefined));
    expect(error).toBeInstanceOf(SqsRequestError);
    expect(error).toMatchObject({ category: "invalid", operation: "ListQueues" });
    vi.stubEnv("AWS_ENDPOINT_URL", "http://localhost:9324");
    expect((await destinations.find("ListQueues", undefined)).origin).toBe("http://localhost:9324");
    expect(destinations.peek(undefined)?.host).toBe("localhost:9324");
  });

  it.each(["orders", "", "ftp://x/1/q", 7 as unknown as string])(
    "is refused when the queue URL is %j",
    async (wrong) => {
      expect(await rejection(find({ queueUrl: wrong, region: "eu-west-1" }))).toBeInstanceOf(
        SqsRequestError,
      );
    },
  );
});

describe("the region", () => {
  it("is the option's before the queue URL's", async () => {
    expect(await find({ queueUrl, region: "eu-west-1" })).toContain("eu-west-1 ");
  });

  it("is the one in the host of the endpoint that is called", async () => {
    vi.stubEnv("AWS_REGION", "us-east-1");
    const endpoint = "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com";
    expect(await find({ endpoint, queueUrl })).toContain("eu-west-1 ");
  });

  it("is AWS_REGION when no host says it, before the config file's", async () => {
    await config("[default]\nregion = eu-west-3\n");
    const local = { queueUrl: "http://127.0.0.1:9324/000000000000/orders" };
    expect(await find(local)).toBe("eu-west-3 http://127.0.0.1:9324/");
    vi.stubEnv("AWS_REGION", "eu-west-2");
    expect(await find(local)).toBe("eu-west-2 http://127.0.0.1:9324/");
  });

  it("is missing, and the error says what to set", async () => {
    const error = await rejection(find());
    expect(error).toBeInstanceOf(SqsRequestError);
    expect(String(error)).toContain("set AWS_REGION, or the option region");
  });

  it("is refused when it could not be a part of a host's name", async () => {
    vi.stubEnv("AWS_REGION", "eu-west-1.evil.com/");
    expect(await rejection(find())).toBeInstanceOf(SqsRequestError);
  });
});
