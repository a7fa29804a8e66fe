/**
 * Owns what the outbox's tests share: a local SQS with a hook before it, relays that end with their test, and
 * the look at what arrived. It never sleeps.
 */
import { SqsService } from "@millrace/local-sqs";
import { systemClock } from "millrace";
import type { ReceivedMessage } from "millrace";
import { outbox, OutboxRelay } from "millrace/postgres";
import type { OutboxOptions, OutboxRelayEvents, OutboxRelayOptions } from "millrace/postgres";
import type { Pool } from "pg";
import { onTestFinished } from "vitest";
import { InterceptedSqs } from "../consumer/bench.ts";
import type { Bench } from "./bench.ts";

export class OutboxBench {
  readonly bench: Bench;
  readonly service: SqsService = new SqsService();
  readonly sqs: InterceptedSqs = new InterceptedSqs(this.service, systemClock);
  /** The pool of those who write. */
  readonly pool: Pool;

  /** With an outbox that is empty. */
  static async open(bench: Bench): Promise<OutboxBench> {
    const self = new OutboxBench(bench);
    await self.pool.query("TRUNCATE millrace_outbox");
    return self;
  }

  private constructor(bench: Bench) {
    this.bench = bench;
    this.pool = bench.pool();
    onTestFinished(() => this.service.close());
  }

  async queue(name = "jobs"): Promise<string> {
    const fifo = name.endsWith(".fifo");
    const { QueueUrl = "" } = await this.service.call("CreateQueue", {
      QueueName: name,
      Attributes: fifo ? { FifoQueue: "true" } : {},
    });
    return QueueUrl;
  }

  /** A relay with a pool of its own, as in a process of its own. */
  relay(options: OutboxRelayOptions = {}, pool: Pool = this.bench.pool({ max: 1 })): OutboxRelay {
    const ignore = (): void => {};
    const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
    const relay = new OutboxRelay(pool, { sqs: this.sqs, logger, pollIntervalMs: 50, ...options });
    onTestFinished(() => relay.stop({ deadlineMs: 0 }));
    return relay;
  }

  /** Stores messages, each in a transaction of its own. */
  async store(
    queue: string,
    bodies: readonly unknown[],
    options: OutboxOptions = {},
  ): Promise<void> {
    for (const body of bodies) await outbox(this.pool, queue, body, options);
  }

  /** Bodies that are still in the outbox. */
  async left(): Promise<string[]> {
    const { rows } = await this.pool.query<{ body: string }>(
      "SELECT body FROM millrace_outbox ORDER BY id",
    );
    return rows.map(({ body }) => body);
  }

  /** Everything on a queue, deleted as it is received. */
  async drain(queue: string): Promise<ReceivedMessage[]> {
    const { Messages = [] } = await this.service.call("ReceiveMessage", {
      QueueUrl: queue,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    });
    for (const { ReceiptHandle = "" } of Messages) {
      await this.service.call("DeleteMessage", { QueueUrl: queue, ReceiptHandle });
    }
    return Messages.length === 0 ? [] : [...Messages, ...(await this.drain(queue))];
  }
}

/** Resolves with the events when there have been `count` of them. */
export function events<Name extends keyof OutboxRelayEvents>(
  relay: OutboxRelay,
  name: Name,
  count = 1,
): Promise<OutboxRelayEvents[Name][]> {
  return new Promise((resolve) => {
    const seen: OutboxRelayEvents[Name][] = [];
    const listen = (event: OutboxRelayEvents[Name]): void => {
      if (seen.push(event) < count) return;
      relay.off(name, listen);
      resolve(seen);
    };
    relay.on(name, listen);
  });
}

export const bodies = (messages: readonly ReceivedMessage[]): string[] =>
  messages.map(({ Body = "" }) => Body);
