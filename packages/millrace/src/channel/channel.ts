/**
 * Owns the channel as its users meet it: two halves over one exchange. It never keeps state of its own.
 */
import { ChannelClosedError } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import type {
  ReceiveChannel,
  SendChannel,
  TryReceiveResult,
  TrySendResult,
  WaitOptions,
} from "./halves.ts";

/**
 * A bounded hand-over from those who send to those who receive, first in, first out. It is how a stage of
 * a pipeline makes the stage before it wait.
 *
 *     send ──▶ │ c │ b │ a │ ──▶ receive
 *              └ capacity 3 ┘
 *
 * Hand out the narrow half: whoever gets `sender` can send and close, whoever gets `receiver` can receive
 * and cancel. {@link SendChannel} and {@link ReceiveChannel} say what each method guarantees.
 *
 * Capacity is the number of values that may lie in the channel, received by nobody yet. With 0 nothing
 * lies there: each send waits for a receive, a rendezvous. There is no unbounded channel, since nothing
 * would make its senders wait; a great capacity costs memory only as it fills, and then keeps it.
 *
 * @example
 * const channel = new Channel<string>(10);
 * await channel.sender.send("a");
 * channel.sender.close();
 * for await (const value of channel.receiver) console.log(value);
 */
export class Channel<T> {
  readonly sender: SendChannel<T>;
  readonly receiver: ReceiveChannel<T>;

  /**
   * @param capacity an integer of at least 0.
   * @throws OptionError for any other capacity, Infinity included.
   */
  constructor(capacity: number) {
    const exchange = new Exchange<T>(capacity);
    this.sender = new Sender(exchange);
    this.receiver = new Receiver(exchange);
  }
}

class Sender<T> implements SendChannel<T> {
  readonly #exchange: Exchange<T>;

  constructor(exchange: Exchange<T>) {
    this.#exchange = exchange;
  }

  send(value: T, options?: WaitOptions): Promise<void> {
    return this.#exchange.send(value, options);
  }

  trySend(value: T): TrySendResult {
    return this.#exchange.trySend(value);
  }

  close(): void {
    this.#exchange.close();
  }

  get capacity(): number {
    return this.#exchange.capacity;
  }

  get size(): number {
    return this.#exchange.size;
  }

  get waitingReceivers(): number {
    return this.#exchange.waitingReceivers;
  }

  get closed(): boolean {
    return this.#exchange.closedForSend;
  }
}

class Receiver<T> implements ReceiveChannel<T> {
  readonly #exchange: Exchange<T>;

  constructor(exchange: Exchange<T>) {
    this.#exchange = exchange;
  }

  receive(options?: WaitOptions): Promise<T> {
    return this.#exchange.receive(options);
  }

  tryReceive(): TryReceiveResult<T> {
    return this.#exchange.tryReceive();
  }

  cancel(): T[] {
    return this.#exchange.cancel();
  }

  get capacity(): number {
    return this.#exchange.capacity;
  }

  get size(): number {
    return this.#exchange.size;
  }

  get waitingSenders(): number {
    return this.#exchange.waitingSenders;
  }

  get waitingReceivers(): number {
    return this.#exchange.waitingReceivers;
  }

  get closed(): boolean {
    return this.#exchange.closedForReceive;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return new ReceiverIterator(this.#exchange);
  }
}

/** One loop over a receiver. Leaving it also withdraws a receive that waits, so that it takes no value with it. */
class ReceiverIterator<T> implements AsyncIterator<T, undefined> {
  readonly #exchange: Exchange<T>;
  readonly #left = new AbortController();

  constructor(exchange: Exchange<T>) {
    this.#exchange = exchange;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    try {
      return { done: false, value: await this.#exchange.receive(this.#left) };
    } catch (error) {
      if (error instanceof ChannelClosedError || this.#left.signal.aborted) {
        return { done: true, value: undefined };
      }
      throw error;
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#left.abort();
    return Promise.resolve({ done: true, value: undefined });
  }
}
