/**
 * Owns polling: when a poll is opened, how many messages it asks for, and what becomes of its answer.
 * It never runs a handler, and never takes more than there are permits for.
 */
import { setMaxListeners } from "node:events";
import type { SendChannel } from "../channel/halves.ts";
import type { Clock, Timer } from "../clock.ts";
import { toError } from "../errors.ts";
import type { Random } from "../random.ts";
import { fullJitterMs } from "../random.ts";
import type { SqsApi } from "../sqs/api.ts";
import { boundedCall } from "../sqs/bounded-call.ts";
import { maxReceiveMessages } from "../sqs/limits.ts";
import type { ReceivedMessage, ReceiveMessageOutput } from "../sqs/operations.ts";
import type { Delivery } from "./delivery.ts";
import { ConsumerStoppedError } from "./errors.ts";
import { needsSomeone } from "./health.ts";
import type { Limit } from "./limit.ts";
import { askLimits } from "./limit.ts";
import type { Logger } from "./logger.ts";
import { systemAttributeNames } from "./message.ts";
import { release } from "./outcome.ts";
import type { Permits } from "./permits.ts";
import { PollLevel } from "./poll-level.ts";
import type { Reporter } from "./reporter.ts";

/** How long an answer may take beyond the wait that the poll asked for. */
const pollSlackMs = 5_000;
const errorBackoff = { baseMs: 100, maxMs: 20_000 };
/** Between polls that come back empty sooner than they were asked to wait, short polls above all. */
const emptyBackoff = { baseMs: 100, maxMs: 1_000 };
/** Between askings of limits that allow nothing. */
const limitBackoff = { baseMs: 50, maxMs: 1_000 };

export interface ReceiverParts {
  readonly sqs: SqsApi;
  readonly queueUrl: string;
  readonly waitTimeSeconds: number;
  readonly visibilitySeconds: number;
  readonly limits: readonly Limit[];
  readonly permits: Permits;
  readonly channel: SendChannel<Delivery>;
  /** Makes a delivery of what SQS handed out to a poll sent at `askedAtMs`, and has its lease kept. */
  readonly admit: (
    received: ReceivedMessage & { readonly ReceiptHandle: string },
    askedAtMs: number,
  ) => Delivery;
  readonly reporter: Reporter;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * | state | meaning | left when |
 * |---|---|---|
 * | ready | a poll is opened as soon as {@link Receiver.wake} finds permits for it | pause, a failure, stop |
 * | paused | no poll is opened; those that are open run on | resume, stop |
 * | resting | a poll failed, came back empty too soon, or a limit allowed nothing: a timer ends it | the timer, stop |
 * | stopped | no poll is opened, open ones were aborted, what they bring is released | never |
 *
 * A poll asks for ten, and is opened when ten permits are free: fewer a poll would cost more requests.
 * With a worker idle, nothing waiting and no poll open there is no point in holding out for ten, and it
 * asks for what is free. How many may be open at once is {@link PollLevel}'s.
 */
export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #level: PollLevel;
  readonly #fullPoll: number;
  readonly #stop = new AbortController();
  /** Polls and the asking of limits before them; each removes itself when it has ended. */
  readonly #polls = new Set<Promise<void>>();
  /** Polls that SQS has not answered yet. */
  #openPolls = 0;
  /** How many messages those ask for. */
  #requested = 0;
  #started = false;
  /** Set by {@link end}. */
  #ended = false;
  /** Whether a look is due in this turn already. */
  #awake = false;
  #paused = false;
  /** Set while resting. */
  #rest: Timer | undefined;
  #restUntilMs = 0;
  #asking = false;
  /** In a row; reset by the first answer. */
  #failures = 0;
  #failedAtMs = 0;
  #hastyAnswers = 0;
  #refusals = 0;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    const { total } = parts.permits;
    this.#fullPoll = Math.min(maxReceiveMessages, total);
    this.#level = new PollLevel(Math.max(1, Math.floor(total / maxReceiveMessages)));
    // Every open poll listens to it.
    setMaxListeners(0, this.#stop.signal);
  }

  /** Polls that SQS has not answered yet. */
  get openPolls(): number {
    return this.#openPolls;
  }

  /**
   * Makes the first poll, one that does not wait, and then begins to poll.
   *
   * @throws the poll's error when the queue is missing or permission is denied. Trouble that passes by
   * itself is no reason not to start.
   */
  async start(): Promise<void> {
    const failure = await this.#track(this.#poll(this.#fullPoll, 0));
    if (failure !== undefined && needsSomeone(failure)) throw failure;
    this.#started = true;
    this.wake();
  }

  /** Has whatever a poll still brings left alone: nothing may be sent any more. After {@link stop}. */
  end(): void {
    this.#ended = true;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  /**
   * Ends polling for good. Open polls are aborted; what one brings all the same is released. Resolves
   * when none is left.
   */
  async stop(): Promise<void> {
    this.#rest?.cancel();
    this.#rest = undefined;
    this.#stop.abort(new ConsumerStoppedError());
    while (this.#polls.size > 0) await Promise.all(this.#polls);
  }

  /**
   * Has the receiver look, within this turn, whether polls may be opened. Called whenever permits, idle
   * workers or polls have changed.
   */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    // A batch of settlements gives its permits back one by one: look when all of them are there.
    queueMicrotask(() => {
      this.#awake = false;
      this.#open();
    });
  }

  #open(): void {
    while (!this.#asking) {
      const wanted = this.#wanted();
      if (wanted === 0) return;
      if (this.#parts.limits.length > 0) {
        void this.#track(this.#askAndPoll(wanted));
        return;
      }
      void this.#track(this.#poll(wanted, this.#parts.waitTimeSeconds));
    }
  }

  /** How many messages a poll opened now would ask for; 0 when none is to be opened. */
  #wanted(): number {
    const { permits, channel } = this.#parts;
    if (!this.#started || this.#paused || this.#rest !== undefined) return 0;
    if (this.#stop.signal.aborted || this.#openPolls >= this.#level.polls) return 0;
    // What was lost while it waited has given its permit back, and lies in the channel all the same
    // until a worker steps over it.
    const room = Math.min(permits.free, channel.capacity - channel.size - this.#requested);
    if (room >= this.#fullPoll) return this.#fullPoll;
    const hungry = this.#openPolls === 0 && channel.size === 0 && channel.waitingReceivers > 0;
    return hungry ? room : 0;
  }

  async #askAndPoll(wanted: number): Promise<void> {
    const { limits, permits, reporter, clock, waitTimeSeconds } = this.#parts;
    this.#asking = true;
    const { allowed, fault } = await askLimits(limits, wanted, clock, this.#stop.signal);
    this.#asking = false;
    if (this.#stop.signal.aborted || this.#paused) return;
    reporter.limitsAsked(fault);
    if (this.#rest !== undefined) return; // A poll failed meanwhile.
    const count = Math.min(allowed, permits.free);
    if (count > 0) {
      this.#refusals = 0;
      const poll = this.#poll(count, waitTimeSeconds);
      this.wake();
      await poll;
    } else {
      this.#restFor(fullJitterMs(limitBackoff, this.#refusals++, this.#parts.random));
    }
  }

  /** One poll, from its permits to its deliveries being sent on. Never rejects; answers its error. */
  async #poll(wanted: number, waitSeconds: number): Promise<Error | undefined> {
    const { sqs, queueUrl, visibilitySeconds, permits, clock, reporter } = this.#parts;
    permits.take(wanted);
    this.#openPolls += 1;
    this.#requested += wanted;
    const startedAtMs = clock.monotonicMs();
    let messages: readonly ReceivedMessage[];
    try {
      const output = await boundedCall(
        sqs,
        "ReceiveMessage",
        {
          QueueUrl: queueUrl,
          MaxNumberOfMessages: wanted,
          WaitTimeSeconds: waitSeconds,
          VisibilityTimeout: visibilitySeconds,
          MessageAttributeNames: ["All"],
          MessageSystemAttributeNames: systemAttributeNames,
        },
        {
          clock,
          timeoutMs: waitSeconds * 1_000 + pollSlackMs,
          signal: this.#stop.signal,
          onLate: (late) => this.#late(late, startedAtMs),
        },
      );
      messages = messagesOf(output);
    } catch (error) {
      this.#openPolls -= 1;
      this.#requested -= wanted;
      permits.give(wanted);
      return this.#failed(toError(error), startedAtMs);
    }
    this.#openPolls -= 1;
    this.#requested -= wanted;
    const deliveries = this.#admit(messages, wanted, startedAtMs);
    permits.give(wanted - deliveries.length);
    const tookMs = clock.monotonicMs() - startedAtMs;
    this.#failures = 0;
    this.#level.answered(deliveries.length, wanted);
    this.#restIfHasty(deliveries.length, tookMs, waitSeconds);
    reporter.received(deliveries.length, wanted, tookMs);
    for (const delivery of deliveries) this.#send(delivery);
    this.wake();
    return undefined;
  }

  #admit(messages: readonly ReceivedMessage[], wanted: number, askedAtMs: number): Delivery[] {
    const { admit, logger } = this.#parts;
    const deliveries: Delivery[] = [];
    for (const message of messages) {
      const ReceiptHandle = message?.ReceiptHandle;
      if (typeof ReceiptHandle !== "string" || deliveries.length === wanted) {
        // Without a handle it cannot be settled; beyond what was asked there is no permit. It comes again.
        logger.error("SQS answered a message that cannot be taken", { id: message?.MessageId });
      } else {
        deliveries.push(admit({ ...message, ReceiptHandle }, askedAtMs));
      }
    }
    return deliveries;
  }

  #send(delivery: Delivery): void {
    delivery.wait();
    // Not sent when a stop has cancelled the channel. Full it never is: no poll asks for more than fits.
    if (this.#parts.channel.trySend(delivery) !== "sent") delivery.settle(release());
  }

  /** A poll that had been given up was answered after all: its messages are in flight, and go back. */
  #late(output: ReceiveMessageOutput, askedAtMs: number): void {
    if (this.#ended) return;
    const { permits, reporter } = this.#parts;
    const messages = messagesOf(output);
    const count = Math.min(messages.length, permits.free);
    permits.take(count);
    const deliveries = this.#admit(messages, count, askedAtMs);
    permits.give(count - deliveries.length);
    reporter.receivedLate(deliveries.length);
    for (const delivery of deliveries) delivery.settle(release());
  }

  #failed(error: Error, openedAtMs: number): Error {
    if (this.#stop.signal.aborted) return error;
    const { clock, random, reporter } = this.#parts;
    this.#level.failed();
    // Polls that were open together fail together, which says no more than one of them does.
    const another = this.#failures === 0 || openedAtMs > this.#failedAtMs;
    if (another) {
      this.#failures += 1;
      this.#failedAtMs = clock.monotonicMs();
    }
    if (another || this.#rest === undefined) {
      this.#restFor(fullJitterMs(errorBackoff, this.#failures - 1, random));
    }
    reporter.pollFailed(error, this.#failures, this.#restUntilMs - clock.monotonicMs());
    return error;
  }

  /** An empty answer that came much sooner than asked for must not be followed by another at once. */
  #restIfHasty(count: number, tookMs: number, waitSeconds: number): void {
    if (waitSeconds !== this.#parts.waitTimeSeconds) return; // The first poll, which was not to wait.
    const hasty = count === 0 && tookMs < Math.max(emptyBackoff.maxMs, waitSeconds * 500);
    if (!hasty) {
      this.#hastyAnswers = 0;
      return;
    }
    this.#restFor(fullJitterMs(emptyBackoff, this.#hastyAnswers++, this.#parts.random));
  }

  /** Rests for `ms` at least: a rest that is under way is never cut short. */
  #restFor(ms: number): void {
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + ms;
    if (this.#stop.signal.aborted || (this.#rest !== undefined && untilMs <= this.#restUntilMs)) {
      return;
    }
    this.#rest?.cancel();
    this.#restUntilMs = untilMs;
    this.#rest = clock.setTimer(() => {
      this.#rest = undefined;
      this.wake();
    }, ms);
  }

  /** Keeps a poll in the list that stop waits for. */
  async #track<T>(poll: Promise<T>): Promise<T> {
    const tracked = poll.then(() => undefined);
    this.#polls.add(tracked);
    try {
      return await poll;
    } finally {
      this.#polls.delete(tracked);
    }
  }
}

/** An answer that is no list has brought nothing. */
function messagesOf(output: ReceiveMessageOutput | undefined): readonly ReceivedMessage[] {
  return Array.isArray(output?.Messages) ? output.Messages : [];
}
