import { startLocalSqs } from "@millrace/local-sqs";
import { afterEach, expect, it, vi } from "vitest";
import { Producer } from "../../src/producer/producer.ts";
import { HttpSqs } from "../../src/sqs/http-sqs.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it("speaks HTTP by default, and closes the client that is its own with itself", async () => {
  const server = await startLocalSqs({ port: 0, queues: ["orders"] });
  try {
    vi.stubEnv("AWS_ENDPOINT_URL_SQS", server.endpoint);
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "id");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    const close = vi.spyOn(HttpSqs.prototype, "close");
    const producer = new Producer({ queue: "orders" });
    const results = await Promise.all([producer.send("a"), producer.send({ b: 1 })]);
    expect(new Set(results.map(({ messageId }) => messageId)).size).toBe(2);
    await producer.close();
    expect(close).toHaveBeenCalledTimes(1);
    expect(server.requests()).toEqual({ GetQueueUrl: 1, SendMessageBatch: 1 });
    expect(producer.stats()).toMatchObject({ sent: 2, requests: server.requests() });
  } finally {
    await server.stop();
  }
});
