/**
 * Owns the promises that every SqsApi makes (see src/sqs/api.ts), as a suite that runs over any of them. It
 * never tests SQS itself: that is the suite of local-sqs.
 */
import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SqsApi, SqsInput } from "../../src/sqs/api.ts";
import { SqsError, SqsServiceError } from "../../src/sqs/errors.ts";
import { parseQueue, resolveQueueUrl } from "../../src/sqs/queue-address.ts";

/** An implementation to be tested, over an SQS with no queues. */
export interface OpenSqs {
  readonly sqs: SqsApi;
  /** How many receives the SQS behind it holds open now. */
  waitingReceives(): number;
  /** Ends both. Must fail when anything is left. */
  close(): Promise<void>;
}

/** What a promise rejects with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

export function sqsApiContract(name: string, open: () => Promise<OpenSqs>): void {
  describe(`${name} keeps the promises of SqsApi`, () => {
    let opened: OpenSqs;
    let sqs: SqsApi;
    let QueueUrl: string;

    beforeEach(async () => {
      opened = await open();
      ({ sqs } = opened);
      const created = await sqs.call("CreateQueue", { QueueName: "orders" });
      QueueUrl = created.QueueUrl ?? "";
    });

    afterEach(async () => {
      expect(opened.waitingReceives()).toBe(0);
      await opened.close();
    });

    async function sendThree(): Promise<void> {
      const bodies = ["one", "two", "three"];
      const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      await sqs.call("SendMessageBatch", { QueueUrl, Entries });
    }

    async function receiveAll(): Promise<{ Id: string; ReceiptHandle: string; body: string }[]> {
      const { Messages = [] } = await sqs.call("ReceiveMessage", {
        QueueUrl,
        MaxNumberOfMessages: 10,
      });
      return Messages.map(({ ReceiptHandle = "", Body = "" }, index) => {
        return { Id: String(index), ReceiptHandle, body: Body };
      });
    }

    /** A long poll that is open at SQS. */
    async function poll(signal?: AbortSignal): Promise<{ answer: Promise<unknown> }> {
      const answer = sqs.call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 }, { signal });
      answer.catch(() => {});
      while (opened.waitingReceives() === 0) await setImmediate();
      return { answer };
    }

    it("answers in AWS's shapes, with binary values as Uint8Array", async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      // A view into a larger buffer, as Buffers often are.
      const view = new Uint8Array(new Uint8Array([9, ...bytes, 9]).buffer, 1, 256);
      const sent = await sqs.call("SendMessage", {
        QueueUrl,
        MessageBody: 'emoji 😀, quote ", line\nbreak',
        MessageAttributes: {
          raw: { DataType: "Binary.png", BinaryValue: view },
          count: { DataType: "Number", StringValue: "7" },
          label: { DataType: "String", StringValue: "é" },
        },
      });
      expect(typeof sent.MessageId).toBe("string");
      const received = await sqs.call("ReceiveMessage", {
        QueueUrl,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["All"],
      });
      expect(received).toEqual({
        Messages: [
          {
            MessageId: sent.MessageId,
            ReceiptHandle: expect.any(String),
            Body: 'emoji 😀, quote ", line\nbreak',
            MD5OfBody: sent.MD5OfMessageBody,
            MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
            Attributes: expect.objectContaining({ ApproximateReceiveCount: "1" }),
            MessageAttributes: {
              raw: { DataType: "Binary.png", BinaryValue: expect.any(Uint8Array) },
              count: { DataType: "Number", StringValue: "7" },
              label: { DataType: "String", StringValue: "é" },
            },
          },
        ],
      });
      const [message] = received.Messages ?? [];
      expect(new Uint8Array(message?.MessageAttributes?.["raw"]?.BinaryValue ?? [])).toEqual(bytes);
    });

    it("answers with an empty object where AWS has nothing to say", async () => {
      expect(await sqs.call("ReceiveMessage", { QueueUrl })).toEqual({});
      expect(await sqs.call("TagQueue", { QueueUrl, Tags: { team: "a" } })).toEqual({});
      await sendThree();
      const [first] = await receiveAll();
      const ReceiptHandle = first?.ReceiptHandle ?? "";
      const change = { QueueUrl, ReceiptHandle, VisibilityTimeout: 5 };
      expect(await sqs.call("ChangeMessageVisibility", change)).toEqual({});
      expect(await sqs.call("DeleteMessage", { QueueUrl, ReceiptHandle })).toEqual({});
      expect(await sqs.call("DeleteQueue", { QueueUrl })).toEqual({});
    });

    it("settles in batches, and tells entry by entry what failed", async () => {
      await sendThree();
      const received = await receiveAll();
      expect(received.map(({ body }) => body)).toEqual(["one", "two", "three"]);
      const [one, two, three] = received.map(({ Id, ReceiptHandle }) => ({ Id, ReceiptHandle }));
      if (one === undefined || two === undefined || three === undefined) throw new Error("lost");
      const bad = { Id: "bad", ReceiptHandle: "nonsense" };

      const changed = await sqs.call("ChangeMessageVisibilityBatch", {
        QueueUrl,
        Entries: [one, bad].map((entry) => ({ ...entry, VisibilityTimeout: 0 })),
      });
      expect(changed.Successful).toEqual([{ Id: "0" }]);
      expect(changed.Failed).toEqual([
        expect.objectContaining({ Id: "bad", SenderFault: true, Code: "ReceiptHandleIsInvalid" }),
      ]);
      const deleted = await sqs.call("DeleteMessageBatch", { QueueUrl, Entries: [two, three] });
      expect(deleted.Successful).toEqual([{ Id: "1" }, { Id: "2" }]);
      expect(deleted.Failed ?? []).toEqual([]);
      expect((await receiveAll()).map(({ body }) => body)).toEqual(["one"]);
    });

    it("carries a mebibyte", async () => {
      const MessageBody = "é".repeat(524_288);
      await sqs.call("SendMessage", { QueueUrl, MessageBody });
      expect((await receiveAll())[0]?.body).toBe(MessageBody);
    });

    it("leaves the input as it is", async () => {
      const input = Object.freeze({
        QueueUrl,
        MessageBody: "x",
        MessageAttributes: Object.freeze({
          a: Object.freeze({ DataType: "Binary", BinaryValue: new Uint8Array([1]) }),
        }),
      });
      const before = inspect(input, { depth: 9 });
      await sqs.call("SendMessage", input);
      expect(inspect(input, { depth: 9 })).toBe(before);
    });

    it("serves many calls at once", async () => {
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          sqs.call("SendMessage", { QueueUrl, MessageBody: String(index) }),
        ),
      );
      const { Attributes } = await sqs.call("GetQueueAttributes", {
        QueueUrl,
        AttributeNames: ["ApproximateNumberOfMessages"],
      });
      expect(Attributes).toEqual({ ApproximateNumberOfMessages: "40" });
    });

    it("answers the operations about queues", async () => {
      expect(await sqs.call("GetQueueUrl", { QueueName: "orders" })).toEqual({ QueueUrl });
      expect((await sqs.call("ListQueues", {})).QueueUrls).toEqual([QueueUrl]);
      await sqs.call("SetQueueAttributes", { QueueUrl, Attributes: { VisibilityTimeout: "77" } });
      const { Attributes } = await sqs.call("GetQueueAttributes", {
        QueueUrl,
        AttributeNames: ["VisibilityTimeout"],
      });
      expect(Attributes).toEqual({ VisibilityTimeout: "77" });
      await sqs.call("TagQueue", { QueueUrl, Tags: { team: "a", stage: "b" } });
      await sqs.call("UntagQueue", { QueueUrl, TagKeys: ["stage"] });
      expect(await sqs.call("ListQueueTags", { QueueUrl })).toEqual({ Tags: { team: "a" } });
      await sqs.call("PurgeQueue", { QueueUrl });
    });

    it("answers the operations about dead letters", async () => {
      const [dead, deadArn] = await queueWithArn("orders-dead");
      const [, sourceArn] = await queueWithArn("orders");
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount: 3 });
      await sqs.call("SetQueueAttributes", { QueueUrl, Attributes: { RedrivePolicy } });
      const sources = await sqs.call("ListDeadLetterSourceQueues", { QueueUrl: dead });
      expect(sources.queueUrls).toEqual([QueueUrl]);
      const { TaskHandle } = await sqs.call("StartMessageMoveTask", {
        SourceArn: deadArn,
        DestinationArn: sourceArn,
      });
      expect(typeof TaskHandle).toBe("string");
      const { Results } = await sqs.call("ListMessageMoveTasks", { SourceArn: deadArn });
      expect(Results).toEqual([expect.objectContaining({ SourceArn: deadArn })]);
      const cancelled = await rejection(sqs.call("CancelMessageMoveTask", { TaskHandle: "no" }));
      expect(cancelled).toBeInstanceOf(SqsServiceError);
    });

    async function queueWithArn(QueueName: string): Promise<[url: string, arn: string]> {
      const { QueueUrl: url = "" } = await sqs.call("CreateQueue", { QueueName });
      const { Attributes } = await sqs.call("GetQueueAttributes", {
        QueueUrl: url,
        AttributeNames: ["QueueArn"],
      });
      return [url, Attributes?.["QueueArn"] ?? ""];
    }

    it("finds a queue by URL, by name and by ARN", async () => {
      const [, arn] = await queueWithArn("orders");
      expect(parseQueue(arn)).toMatchObject({ kind: "arn", name: "orders" });
      for (const queue of [QueueUrl, "orders", arn]) {
        expect(await resolveQueueUrl(sqs, queue)).toBe(QueueUrl);
      }
      const error = await rejection(resolveQueueUrl(sqs, "nobody"));
      expect(error).toMatchObject({ category: "missingQueue" });
    });

    describe("rejects with SqsError", () => {
      it.each([
        ["a queue that does not exist", "missingQueue", "QueueDoesNotExist"],
        ["a receipt handle that is none", "invalid", "ReceiptHandleIsInvalid"],
        ["an empty batch", "invalid", "EmptyBatchRequest"],
        ["a body that SQS does not take", "invalid", "InvalidMessageContents"],
      ])("for %s", async (fault, category, errorName) => {
        const missing = QueueUrl.replace("orders", "nobody");
        const calls: Record<string, () => Promise<unknown>> = {
          QueueDoesNotExist: () => sqs.call("ReceiveMessage", { QueueUrl: missing }),
          ReceiptHandleIsInvalid: () =>
            sqs.call("DeleteMessage", { QueueUrl, ReceiptHandle: "nonsense" }),
          EmptyBatchRequest: () => sqs.call("DeleteMessageBatch", { QueueUrl, Entries: [] }),
          InvalidMessageContents: () =>
            sqs.call("SendMessage", { QueueUrl, MessageBody: "bell \u0007" }),
        };
        const error = await rejection(calls[errorName]?.() ?? Promise.resolve(fault));
        expect(error).toBeInstanceOf(SqsServiceError);
        expect(error).toMatchObject({ errorName, category, senderFault: true });
      });

      it.each([undefined, null, 7, "text", []])("for an input that is %j", async (input) => {
        let call: Promise<unknown> | undefined;
        expect(() => {
          call = sqs.call("SendMessage", input as unknown as SqsInput<"SendMessage">);
        }).not.toThrow();
        expect(await rejection(call ?? Promise.resolve())).toBeInstanceOf(SqsError);
      });
    });

    describe("when it is aborted", () => {
      const reason = new Error("enough");

      it("does nothing when that was before the call", async () => {
        const signal = AbortSignal.abort(reason);
        const call = sqs.call("SendMessage", { QueueUrl, MessageBody: "x" }, { signal });
        expect(await rejection(call)).toBe(reason);
        expect(await receiveAll()).toEqual([]);
      });

      it("gives up a long poll, which then takes no message", async () => {
        const controller = new AbortController();
        const { answer } = await poll(controller.signal);
        controller.abort(reason);
        expect(await rejection(answer)).toBe(reason);
        while (opened.waitingReceives() > 0) await setImmediate();
        await sendThree();
        expect(await receiveAll()).toHaveLength(3);
      });

      it("rejects with whatever the reason is", async () => {
        const controller = new AbortController();
        const { answer } = await poll(controller.signal);
        controller.abort("just so");
        expect(await rejection(answer)).toBe("just so");
        while (opened.waitingReceives() > 0) await setImmediate();
      });

      it("settles with the message or with the reason, whichever comes first", async () => {
        for (let turns = 0; turns < 12; turns++) {
          const created = await sqs.call("CreateQueue", { QueueName: `race-${turns}` });
          QueueUrl = created.QueueUrl ?? "";
          const controller = new AbortController();
          const { answer } = await poll(controller.signal);
          const sent = sqs.call("SendMessage", { QueueUrl, MessageBody: "x" });
          for (let turn = 0; turn < turns; turn++) await setImmediate();
          controller.abort(reason);
          const [received] = await Promise.allSettled([answer, sent]);
          const ended =
            received.status === "rejected"
              ? received.reason
              : inspect(received.value, { depth: 9 });
          expect([reason, expect.stringContaining("Body: 'x'")]).toContainEqual(ended);
          while (opened.waitingReceives() > 0) await setImmediate();
        }
      });
    });

    it("wakes a long poll for a message, and leaves no listener on the signal", async () => {
      const { signal } = new AbortController();
      const { answer } = await poll(signal);
      await sqs.call("SendMessage", { QueueUrl, MessageBody: "x" }, { signal });
      expect(await answer).toMatchObject({ Messages: [{ Body: "x" }] });
      await rejection(sqs.call("DeleteMessageBatch", { QueueUrl, Entries: [] }, { signal }));
      expect(getEventListeners(signal, "abort")).toEqual([]);
    });
  });
}
