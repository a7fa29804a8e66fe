/**
 * Every suite of SQS's semantics once more, over real HTTP and with the AWS SDK as the client: what holds
 * in process holds for those who connect.
 */
import { SqsService, startLocalSqs } from "@millrace/local-sqs";
import { VirtualClock } from "millrace/testing";
import { describe, expect, it, vi } from "vitest";
import type { OpenBench } from "./bench.ts";
import { SdkApi } from "./sdk-api.ts";
import { useBench } from "./semantics/driver.ts";
import { allSuites } from "./semantics/index.ts";

const openOverHttp: OpenBench = async (options = {}) => {
  const clock = new VirtualClock();
  const service = new SqsService({ ...options, clock });
  const server = await startLocalSqs({ port: 0, service });
  const api = new SdkApi({ endpoint: server.endpoint });
  return {
    api,
    clock,
    service,
    close: async () => {
      api.close();
      await server.stop();
      service.close();
    },
  };
};

// A call of the SDK is a millisecond of CPU, and some tests make thousands.
vi.setConfig({ testTimeout: 60_000 });

allSuites(openOverHttp);

describe("over HTTP", () => {
  const sqs = useBench(openOverHttp);

  it("a poll that is given up in the moment of a send leaves the message to the next", async () => {
    const url = await sqs.queue();
    for (let round = 0; round < 50; round += 1) {
      const giveUp = new AbortController();
      const gone = await sqs.poll(url, {}, giveUp.signal);
      const stays = await sqs.poll(url);
      giveUp.abort(new Error("given up"));
      await sqs.send(url, `message ${round}`);
      await expect(gone.messages).rejects.toThrow("given up");
      const messages = await stays.messages;
      expect(messages).toMatchObject([{ Body: `message ${round}` }]);
      await sqs.delete(url, messages[0]?.ReceiptHandle);
    }
    expect(await sqs.counts(url)).toEqual([0, 0, 0]);
  });
});
