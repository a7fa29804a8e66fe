/**
 * Owns the short words in which the suites speak to SQS, and the bench that each test gets afresh. It
 * never asserts anything about SQS itself.
 */
import { setImmediate } from "node:timers/promises";
import { SqsServiceError } from "millrace";
import type {
  ReceivedMessage,
  ReceiveMessageInput,
  SendMessageInput,
  SendMessageOutput,
  SqsApi,
} from "millrace";
import type { VirtualClock } from "millrace/testing";
import { afterEach, beforeEach, expect } from "vitest";
import type { SqsService, SqsServiceOptions } from "@millrace/local-sqs";
import type { Bench, OpenBench } from "../bench.ts";

type Rest<T> = Omit<Partial<T>, "QueueUrl">;

/** A long poll that has reached the service and waits. */
export interface Poll {
  readonly messages: Promise<readonly ReceivedMessage[]>;
}

/** One bench, in few words. */
export class Driver {
  #bench: Bench | undefined;

  async open(open: OpenBench, options: SqsServiceOptions | undefined): Promise<void> {
    this.#bench = await open(options);
  }

  async close(): Promise<void> {
    const { clock } = this;
    await this.#opened.close();
    this.#bench = undefined;
    expect(clock.pendingTimers).toBe(0);
  }

  get api(): SqsApi {
    return this.#opened.api;
  }

  get clock(): VirtualClock {
    return this.#opened.clock;
  }

  get service(): SqsService {
    return this.#opened.service;
  }

  get #opened(): Bench {
    if (this.#bench === undefined) throw new Error("no bench is open");
    return this.#bench;
  }

  /** A standard queue. */
  async queue(name = "orders", attributes: Record<string, string> = {}): Promise<string> {
    const { QueueUrl: url = "" } = await this.api.call("CreateQueue", {
      QueueName: name,
      Attributes: attributes,
    });
    return url;
  }

  /** A FIFO queue. */
  fifo(name = "orders.fifo", attributes: Record<string, string> = {}): Promise<string> {
    return this.queue(name, { FifoQueue: "true", ...attributes });
  }

  /** A queue with a dead-letter queue. */
  async redriven(
    maxReceiveCount: number,
    attributes: Record<string, string> = {},
    suffix = "",
  ): Promise<{ source: string; dead: string; deadArn: string; sourceArn: string }> {
    const dead = await this.queue(`dead${suffix}`, attributes);
    const deadArn = await this.attribute(dead, "QueueArn");
    const source = await this.queue(`source${suffix}`, {
      ...attributes,
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount }),
    });
    return { source, dead, deadArn, sourceArn: await this.attribute(source, "QueueArn") };
  }

  send(url: string, body: string, rest: Rest<SendMessageInput> = {}): Promise<SendMessageOutput> {
    return this.api.call("SendMessage", { QueueUrl: url, MessageBody: body, ...rest });
  }

  /** A send to a FIFO queue, never a duplicate unless `rest` makes it one. */
  sendTo(
    url: string,
    group: string,
    body: string,
    rest: Rest<SendMessageInput> = {},
  ): Promise<SendMessageOutput> {
    return this.send(url, body, {
      MessageGroupId: group,
      MessageDeduplicationId: `${group}-${body}`,
      ...rest,
    });
  }

  /** Up to ten messages, without waiting. */
  async receive(
    url: string,
    rest: Rest<ReceiveMessageInput> = {},
  ): Promise<readonly ReceivedMessage[]> {
    const { Messages: messages } = await this.api.call("ReceiveMessage", {
      QueueUrl: url,
      MaxNumberOfMessages: 10,
      ...rest,
    });
    return messages ?? [];
  }

  /** The one message that there is to receive. */
  async receiveOne(url: string, rest: Rest<ReceiveMessageInput> = {}): Promise<ReceivedMessage> {
    const messages = await this.receive(url, { MaxNumberOfMessages: 1, ...rest });
    const [message] = messages;
    if (message === undefined) throw new Error("there is no message to receive");
    return message;
  }

  async bodies(url: string, rest: Rest<ReceiveMessageInput> = {}): Promise<string[]> {
    return (await this.receive(url, rest)).map(({ Body: body = "" }) => body);
  }

  /** Opens a long poll of 20 s and comes back when the service has it. */
  async poll(
    url: string,
    rest: Rest<ReceiveMessageInput> = {},
    signal?: AbortSignal,
  ): Promise<Poll> {
    const before = this.service.waitingReceives(url);
    const answer = this.api.call(
      "ReceiveMessage",
      { QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, ...rest },
      { signal },
    );
    const messages = answer.then(({ Messages: list }) => list ?? []);
    // Whoever awaits it sees the rejection; until then it is not unhandled.
    messages.catch(() => undefined);
    await this.waiting(url, before + 1);
    return { messages };
  }

  /** Comes back when as many receives wait. */
  async waiting(url: string, count: number): Promise<void> {
    await until(() => this.service.waitingReceives(url) === count);
  }

  async delete(url: string, handle: string | undefined): Promise<void> {
    await this.api.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: handle ?? "" });
  }

  async changeVisibility(url: string, handle: string | undefined, seconds: number): Promise<void> {
    await this.api.call("ChangeMessageVisibility", {
      QueueUrl: url,
      ReceiptHandle: handle ?? "",
      VisibilityTimeout: seconds,
    });
  }

  async attribute(url: string, name: string): Promise<string> {
    return (await this.attributes(url, [name]))[name] ?? "";
  }

  async attributes(url: string, names: string[]): Promise<Readonly<Record<string, string>>> {
    const { Attributes: attributes } = await this.api.call("GetQueueAttributes", {
      QueueUrl: url,
      AttributeNames: names,
    });
    return attributes ?? {};
  }

  async setAttributes(url: string, attributes: Record<string, string>): Promise<void> {
    await this.api.call("SetQueueAttributes", { QueueUrl: url, Attributes: attributes });
  }

  /** How many messages are visible, in flight and delayed. */
  async counts(url: string): Promise<[visible: number, inFlight: number, delayed: number]> {
    const attributes = await this.attributes(url, ["All"]);
    return [
      Number(attributes["ApproximateNumberOfMessages"]),
      Number(attributes["ApproximateNumberOfMessagesNotVisible"]),
      Number(attributes["ApproximateNumberOfMessagesDelayed"]),
    ];
  }
}

/** A bench for each test of a suite; after each, no timer may be left. */
export function useBench(open: OpenBench, options?: SqsServiceOptions): Driver {
  const driver = new Driver();
  beforeEach(() => driver.open(open, options));
  afterEach(() => driver.close());
  return driver;
}

/** Lets the event loop run until the condition holds; a test's timeout is its limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

/** Expects SQS to refuse a call with this error, and returns it. */
export async function refused(call: Promise<unknown>, errorName: string): Promise<SqsServiceError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SqsServiceError);
  if (!(error instanceof SqsServiceError)) throw error;
  expect(error.errorName).toBe(errorName);
  expect(error.senderFault).toBe(true);
  return error;
}

/** `prefix0`, `prefix1`, … */
export function numbered(count: number, prefix = "m"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
