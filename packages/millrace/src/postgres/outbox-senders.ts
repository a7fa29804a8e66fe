/**
 * Owns the relay's producers, one for each queue that it has met, and the client that they share. It never
 * touches the database.
 */
import type { Clock } from "../clock.ts";
import { Producer } from "../producer/producer.ts";
import type { SendResult } from "../producer/attempt.ts";
import type { Random } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { HttpSqs } from "../sqs/http-sqs.ts";
import type { OutboxRow } from "./outbox-row.ts";
import { toSendOptions } from "./outbox-row.ts";

export interface SendersParts {
  /** Undefined for a client of their own. */
  readonly sqs: SqsApi | undefined;
  readonly sendTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

export class Senders {
  readonly #parts: SendersParts;
  readonly #sqs: SqsApi;
  /** The client that is theirs to close. */
  readonly #ownSqs: HttpSqs | undefined;
  /** By queue, as rows name it. */
  readonly #producers = new Map<string, Producer>();

  constructor(parts: SendersParts) {
    const { sqs, clock, random } = parts;
    this.#parts = parts;
    if (sqs === undefined) {
      this.#sqs = this.#ownSqs = new HttpSqs({ clock, random });
    } else {
      this.#sqs = sqs;
    }
  }

  /** Resolves when SQS has the message. */
  async send(row: OutboxRow, signal: AbortSignal): Promise<SendResult> {
    const options = toSendOptions(row.options);
    return this.#producer(row.queue).send(row.body, { ...options, signal });
  }

  /** Ends the producers; nothing may be sent any more. Requests that are open are aborted with the signal. */
  async close(signal: AbortSignal): Promise<void> {
    const producers = [...this.#producers.values()];
    await Promise.all(producers.map((producer) => producer.close({ signal })));
    await this.#ownSqs?.close();
  }

  #producer(queue: string): Producer {
    const { sendTimeoutMs, clock, random } = this.#parts;
    let producer = this.#producers.get(queue);
    if (producer === undefined) {
      producer = new Producer({
        queue,
        sqs: this.#sqs,
        // What is sent together is called in one turn; there is nobody else to wait for.
        batch: { maxWaitMs: 0 },
        retry: { giveUpAfterMs: sendTimeoutMs },
        clock,
        random,
      });
      this.#producers.set(queue, producer);
    }
    return producer;
  }
}
