import { execFile } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SqsCredentialsError } from "../../src/sqs/errors.ts";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
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

  it("asks again for credentials though the process that was to give them hangs", async () => {
    await using server = await FaultServer.start();
    const pipe = join(folder, "pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    // The first of them reads from a pipe that nobody writes to.
    const given = `{"Version":1,"AccessKeyId":"AKIASECOND","SecretAccessKey":"secret"}`;
    const script = `mkdir ${folder}/asked 2>/dev/null && exec cat ${pipe}\necho '${given}'\n`;
    await writeFile(join(folder, "give.sh"), script);
    const profile = `[default]\ncredential_process = sh ${join(folder, "give.sh")}\n`;
    await writeFile(join(folder, "config"), profile);
    const clock = new VirtualClock();
    await using sqs = new HttpSqs({ endpoint: server.origin, region: "us-east-1", clock });
    const first = rejection(sqs.call("ListQueues", {}));
    // Opens once there is someone who reads.
    const writer = await open(pipe, "w");
    try {
      await clock.advance(25_000);
      expect(await first).toMatchObject({ code: "SQS_TIMEOUT" });
      await clock.advance(1_000);
      await sqs.call("ListQueues", {});
      expect(server.requests[0]?.headers.authorization).toContain("AKIASECOND");
    } finally {
      await writer.close();
    }
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
