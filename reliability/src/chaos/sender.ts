/**
 * Owns the sending of a soak's messages: evenly over a time, each until SQS has it. It never opens or closes
 * the producer.
 */
import { SendFailedError, sleep, systemClock } from "millrace";
import type { Producer } from "millrace";
import { numbered } from "./numbered.ts";
import type { Numbered } from "./numbered.ts";

export interface SenderOptions {
  readonly producer: Producer<Numbered>;
  /** The numbers of the messages. */
  readonly first: number;
  readonly last: number;
  /** The time that the sending takes, in ms. */
  readonly overMs: number;
  readonly lanes: number;
  /** Whether the queue is FIFO: then lanes are message groups. */
  readonly fifo: boolean;
  readonly signal: AbortSignal;
}

const lookEveryMs = 20;
const againAfterMs = 100;

export class Sender {
  readonly #options: SenderOptions;
  /** By lane, the last of its sends. Written by {@link run}. */
  readonly #tails = new Map<string, Promise<void>>();
  #sent = 0;
  #failures = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Messages that SQS has. */
  get sent(): number {
    return this.#sent;
  }

  /** Sends that the producer gave up; each was sent again. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Resolves when SQS has every message.
   *
   * @throws the signal's reason, and what is no failed send.
   */
  async run(): Promise<void> {
    const { first, last, overMs, lanes, fifo, signal } = this.#options;
    const count = last - first + 1;
    const startedMs = systemClock.monotonicMs();
    const sends: Promise<void>[] = [];
    while (sends.length < count) {
      const share = (systemClock.monotonicMs() - startedMs) / overMs;
      const due = Math.min(count, Math.ceil(count * share));
      while (sends.length < due) {
        const message = numbered(first + sends.length, lanes);
        const send = fifo ? this.#sendInLane(message) : this.#send(message);
        // Its rejection is seen below, and may come long before.
        send.catch(() => {});
        sends.push(send);
      }
      await sleep(systemClock, lookEveryMs, signal);
    }
    await Promise.all(sends);
  }

  /**
   * After the predecessor: a producer keeps the order of its lane but for what it gives up, and what it gives
   * up is sent again here.
   */
  #sendInLane(message: Numbered): Promise<void> {
    const before = this.#tails.get(message.lane) ?? Promise.resolve();
    const send = before.then(() => this.#send(message));
    this.#tails.set(message.lane, send);
    return send;
  }

  async #send(message: Numbered): Promise<void> {
    const { producer, fifo, signal } = this.#options;
    const options = fifo
      ? { groupId: message.lane, deduplicationId: `message-${message.n}` }
      : undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        await producer.send(message, options);
        this.#sent += 1;
        return;
      } catch (error) {
        if (!(error instanceof SendFailedError)) throw error;
        this.#failures += 1;
        await sleep(systemClock, againAfterMs, signal);
      }
    }
  }
}
