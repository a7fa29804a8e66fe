import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SqsCredentialsError } from "../../src/sqs/errors.ts";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";
import { rejection } from "./bench.ts";
import { FaultServer } from "./fault-server.ts";

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

describe("HttpSqs without options", () => {
  it("takes credentials, region and endpoint from the environment", async () => {
    await using server = await FaultServer.start();
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAFROMENV");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    vi.stubEnv("AWS_SESSION_TOKEN", "token");
    vi.stubEnv("AWS_REGION", "eu-west-3");
    vi.stubEnv("AWS_ENDPOINT_URL_SQS", server.origin);
    await using sqs = new HttpSqs();
    await sqs.call("ListQueues", {});
    const [request] = server.requests;
    expect(request?.headers.authorization).toMatch(/Credential=AKIAFROMENV\/\d{8}\/eu-west-3\/sqs/);
    expect(request?.headers["x-amz-security-token"]).toBe("token");
  });

  it("says what to set when there are no credentials, also for a local endpoint", async () => {
    await using server = await FaultServer.start();
    await using sqs = new HttpSqs({ endpoint: server.origin, region: "us-east-1" });
    const error = await rejection(sqs.call("ListQueues", {}));
    expect(error).toBeInstanceOf(SqsCredentialsError);
    expect(String(error)).toMatch(
      /^SqsCredentialsError: ListQueues: no AWS credentials: .*set AWS_ACCESS_KEY_ID/,
    );
    expect(String(error)).not.toContain("\n");
    expect(server.requests).toEqual([]);
  });
});
