/**
 * Owns the counting endpoint's HTTP: as much of SQS's JSON protocol as the peers need, at as little cost as
 * possible. It never checks a signature, and refuses nothing.
 */
import { hash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FakeQueue } from "./fake-queue.ts";

/** Members of the inputs that are looked at. */
interface Input {
  readonly QueueUrl?: string;
  readonly QueueName?: string;
  readonly MaxNumberOfMessages?: number;
  readonly WaitTimeSeconds?: number;
  readonly VisibilityTimeout?: number;
  readonly AttributeNames?: readonly string[];
  readonly MessageSystemAttributeNames?: readonly string[];
  readonly ReceiptHandle?: string;
  readonly MessageBody?: string;
  readonly Entries?: readonly Entry[];
}

interface Entry {
  readonly Id: string;
  readonly ReceiptHandle: string;
  readonly VisibilityTimeout?: number;
  readonly MessageBody: string;
}

const targetPrefix = "AmazonSQS.";

/** Answers requests about `queues`, which are found by their URLs. */
export function sqsFront(
  queues: ReadonlyMap<string, FakeQueue>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [first] = chunks;
      const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      const input: Input = JSON.parse(body.toString("utf8"));
      const operation = String(request.headers["x-amz-target"]).slice(targetPrefix.length);
      const queue = queues.get(input.QueueUrl ?? "");
      if (queue === undefined) {
        send(response, '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}', 400);
        return;
      }
      queue.count(operation);
      answer(operation, input, queue, response);
    });
  };
}

function answer(operation: string, input: Input, queue: FakeQueue, response: ServerResponse): void {
  const { Entries: entries = [] } = input;
  switch (operation) {
    case "ReceiveMessage":
      receive(input, queue, response);
      return;
    case "DeleteMessageBatch":
      for (const { ReceiptHandle } of entries) queue.delete(ReceiptHandle);
      send(
        response,
        successful(entries, ({ Id }) => `{"Id":"${Id}"}`),
      );
      return;
    case "DeleteMessage":
      queue.delete(input.ReceiptHandle ?? "");
      send(response, "{}");
      return;
    case "ChangeMessageVisibilityBatch":
      for (const { ReceiptHandle, VisibilityTimeout = 0 } of entries) {
        queue.extend(ReceiptHandle, VisibilityTimeout);
      }
      send(
        response,
        successful(entries, ({ Id }) => `{"Id":"${Id}"}`),
      );
      return;
    case "ChangeMessageVisibility":
      queue.extend(input.ReceiptHandle ?? "", input.VisibilityTimeout ?? 0);
      send(response, "{}");
      return;
    case "SendMessageBatch":
      queue.countSent(entries.length);
      send(response, successful(entries, sentEntry));
      return;
    case "SendMessage":
      queue.countSent(1);
      send(response, `{${sent(input.MessageBody ?? "")}}`);
      return;
    default:
      // Of a queue's attributes the visibility timeout is all that any of the peers looks at.
      send(response, `{"Attributes":{"VisibilityTimeout":"${queue.visibilitySeconds}"}}`);
  }
}

function receive(input: Input, queue: FakeQueue, response: ServerResponse): void {
  const visibilitySeconds = input.VisibilityTimeout ?? queue.visibilitySeconds;
  const giveUp = queue.receive({
    max: input.MaxNumberOfMessages ?? 1,
    waitMs: (input.WaitTimeSeconds ?? 0) * 1_000,
    visibilityMs: visibilitySeconds * 1_000,
    attributeNames: [...(input.MessageSystemAttributeNames ?? []), ...(input.AttributeNames ?? [])],
    answer: (messages) =>
      send(response, messages.length === 0 ? "{}" : `{"Messages":[${messages.join(",")}]}`),
  });
  if (giveUp !== undefined) response.on("close", giveUp);
}

function successful(entries: readonly Entry[], result: (entry: Entry) => string): string {
  return `{"Successful":[${entries.map(result).join(",")}],"Failed":[]}`;
}

function sentEntry({ Id, MessageBody }: Entry): string {
  return `{"Id":${JSON.stringify(Id)},${sent(MessageBody)}}`;
}

let sentMessages = 0;

/** The SDK compares the sum with its own. */
function sent(body: string): string {
  sentMessages += 1;
  return `"MessageId":"m-${sentMessages}","MD5OfMessageBody":"${hash("md5", body)}"`;
}

function send(response: ServerResponse, text: string, status = 200): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": body.length,
    "x-amzn-requestid": "benchmark",
  });
  response.end(body);
}
