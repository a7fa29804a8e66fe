/** SQS's semantics in process, and what only the service itself can show. */
import { OptionError, SqsServiceError, systemClock } from "millrace";
import type { SqsOperation } from "millrace";
import { seededRandom, VirtualClock } from "millrace/testing";
import { SqsService } from "@millrace/local-sqs";
import type { SqsServiceOptions } from "@millrace/local-sqs";
import { describe, expect, it } from "vitest";
import { openInProcess } from "./bench.ts";
import { refused, useBench } from "./semantics/driver.ts";
import { allSuites } from "./semantics/index.ts";

allSuites(openInProcess);

describe("SqsService", () => {
  const sqs = useBench(openInProcess);

  it("finds a queue by the end of its URL, whatever comes before", async () => {
    await sqs.queue("orders");
    const path = "000000000000/orders";
    for (const origin of ["https://sqs.us-east-1.amazonaws.com", "http://proxy:1/a/b", ""]) {
      await expect(sqs.receive(`${origin}/${path}`)).resolves.toEqual([]);
    }
    await refused(sqs.receive("http://127.0.0.1:9324/111111111111/orders"), "QueueDoesNotExist");
    await refused(sqs.receive("orders"), "InvalidAddress");
    await refused(sqs.receive(""), "MissingParameter");
  });

  it("makes URLs of the origin that it has at the time", async () => {
    const url = await sqs.queue("orders");
    expect(url).toBe("http://127.0.0.1:9324/000000000000/orders");
    sqs.service.origin = "http://localhost:1234";
    expect(await sqs.queue("orders")).toBe("http://localhost:1234/000000000000/orders");
    expect(sqs.service.queueUrls()).toEqual(["http://localhost:1234/000000000000/orders"]);
  });

  it("answers waiting receives with nothing when it is closed, and refuses what comes after", async () => {
    const url = await sqs.queue();
    const poll = await sqs.poll(url);
    sqs.service.close();
    expect(await poll.messages).toEqual([]);
    expect(sqs.clock.pendingTimers).toBe(0);
    const late = sqs.service.call("ListQueues", {});
    await expect(late).rejects.toMatchObject({ errorName: "ServiceUnavailable", statusCode: 503 });
  });

  it("stops move tasks when it is closed", async () => {
    const { dead, deadArn } = await sqs.redriven(1);
    await sqs.send(dead, "a");
    await sqs.service.call("StartMessageMoveTask", { SourceArn: deadArn });
    expect(sqs.clock.pendingTimers).toBe(1);
    sqs.service.close();
    expect(sqs.clock.pendingTimers).toBe(0);
  });

  it("leaves no listener on a signal, however a receive ends", async () => {
    const url = await sqs.queue();
    const listeners = new Set<unknown>();
    const signal = (): AbortSignal => {
      const own = new AbortController().signal;
      const { addEventListener, removeEventListener } = own;
      own.addEventListener = (type: string, listener: () => void) => {
        listeners.add(listener);
        addEventListener.call(own, type, listener);
      };
      own.removeEventListener = (type: string, listener: () => void) => {
        listeners.delete(listener);
        removeEventListener.call(own, type, listener);
      };
      return own;
    };
    const timesOut = await sqs.poll(url, { WaitTimeSeconds: 1 }, signal());
    const answered = await sqs.poll(url, {}, signal());
    const closed = await sqs.poll(url, {}, signal());
    expect(listeners.size).toBe(3);
    await sqs.clock.advance(1000);
    await timesOut.messages;
    await sqs.send(url, "a");
    await answered.messages;
    sqs.service.close();
    await closed.messages;
    expect(listeners.size).toBe(0);
  });

  it("never throws synchronously, and answers with SqsServiceError only", async () => {
    const call = sqs.service.call("ReceiveMessage", { QueueUrl: "nowhere/000000000000/x" });
    const error: unknown = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SqsServiceError);
    expect(error).toMatchObject({ operation: "ReceiveMessage", category: "missingQueue" });
    const unknown = "NoSuchOperation" as SqsOperation;
    await refused(sqs.service.call(unknown, {}), "UnsupportedOperation");
  });

  it("does the same again for the same seed", async () => {
    const run = async (): Promise<unknown[]> => {
      const service = new SqsService({
        clock: new VirtualClock(),
        random: seededRandom(42),
        reorder: true,
        duplicateRate: 0.3,
      });
      const { QueueUrl: url = "" } = await service.call("CreateQueue", { QueueName: "q" });
      const seen: unknown[] = [];
      for (let round = 0; round < 20; round += 1) {
        seen.push(await service.call("SendMessage", { QueueUrl: url, MessageBody: `${round}` }));
        seen.push(await service.call("ReceiveMessage", { QueueUrl: url, MaxNumberOfMessages: 3 }));
      }
      service.close();
      return seen;
    };
    expect(await run()).toEqual(await run());
  });

  it("runs on the system's clock by default", async () => {
    const service = new SqsService();
    expect(service.clock).toBe(systemClock);
    const { QueueUrl: url = "" } = await service.call("CreateQueue", { QueueName: "q" });
    const poll = service.call("ReceiveMessage", { QueueUrl: url, WaitTimeSeconds: 20 });
    await service.call("SendMessage", { QueueUrl: url, MessageBody: "a" });
    expect((await poll).Messages).toHaveLength(1);
    service.close();
  });

  it.each<[string, SqsServiceOptions]>([
    ["region", { region: "Nowhere!" }],
    ["accountId", { accountId: "12" }],
    ["origin", { origin: "http://localhost/" }],
    ["origin", { origin: "localhost" }],
    ["duplicateRate", { duplicateRate: 1.1 }],
    ["duplicateRate", { duplicateRate: Number.NaN }],
    ["inFlightLimit", { inFlightLimit: 0 }],
  ])("refuses a bad %s", (option, options) => {
    expect(() => new SqsService(options)).toThrow(OptionError);
    expect(() => new SqsService(options)).toThrow(option);
  });
});
