/**
 * Owns polling: when a poll is opened, how many messages it asks for, and what becomes of its answer.
 * It never runs a handler, and never takes more than there are permits for.
 */
import { nextTick } from "node:process";
import { toError } from "../errors.ts";
import type { Random } from "../random.ts";
import { fullJitterMs } from "../random.ts";
import { maxReceiveMessages } from "../sqs/limits.ts";
import type { ReceivedMessage } from "../sqs/operations.ts";
import type { Delivery } from "./delivery.ts";
import { ConsumerStoppedError } from "./errors.ts";
import { needsSomeone } from "./health.ts";
import type { Limit } from "./limit.ts";
import { askLimits } from "./limit.ts";
import type { Logger } from "./logger.ts";
import { giveBack, stopping } from "./outcome.ts";
import type { Permits } from "./permits.ts";
import { PollLevel } from "./poll-level.ts";
import { isRemembered, mayHaveBrought, newPoll, receive } from "./poll.ts";
import type { Poll, ReceiveParts } from "./poll.ts";
import type { Reporter } from "./reporter.ts";
import { Rest } from "./rest.ts";

const errorBackoff = { baseMs: 100, maxMs: 20_000 };
/** Between polls that come back empty sooner than they were asked to wait, short polls above all. */
const emptyBackoff = { baseMs: 100, maxMs: 1_000 };
/** Between askings of limits that allow nothing. */
const limitBackoff = { baseMs: 50, maxMs: 1_000 };

export interface ReceiverParts extends ReceiveParts {
  readonly waitTimeSeconds: number;
  readonly limits: readonly Limit[];
  readonly permits: Permits;
  /** Whether the queue is a FIFO one, whose polls have attempt ids. */
  readonly fifo: boolean;
  /** How many deliveries could be sent on now. */
  readonly room: () => number;
  /** Whether a worker is idle and nothing is on its way to it. */
  readonly hungry: () => boolean;
  /** Makes a delivery of what SQS handed out to a poll sent at `askedAtMs`, and has its lease kept. */
  readonly admit: (
    received: ReceivedMessage & { readonly ReceiptHandle: string },
    askedAtMs: number,
  ) => Delivery;
  /** Sends an admitted delivery on. Called in the order in which SQS handed them out. */
  readonly send: (delivery: Delivery) => void;
  readonly reporter: Reporter;
  readonly logger: Logger;
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
  /** How many messages those ask for, and those that are lost. */
  #requested = 0;
  /**
   * FIFO polls that ended without an answer, oldest first: they may have brought messages that nobody has
   * got. They keep their permits until they are opened again.
   */
  readonly #lost: Poll[] = [];
  #started = false;
  /** Set by {@link end}. */
  #ended = false;
  /** Whether a look is due in this turn already. */
  #awake = false;
  #paused = false;
  readonly #rest: Rest;
  #asking = false;
  /** In a row; reset by the first answer. */
  #failures = 0;
  #failedAtMs = 0;
  #hastyAnswers = 0;
  #refusals = 0;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#rest = new Rest(parts.clock, () => this.wake());
    const { total } = parts.permits;
    this.#fullPoll = Math.min(maxReceiveMessages, total);
    this.#level = new PollLevel(Math.max(1, Math.floor(total / maxReceiveMessages)));
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
    const { fifo, random } = this.#parts;
    const failure = await this.#track(this.#poll(newPoll(this.#fullPoll, fifo, random), 0));
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
   * Ends polling for good. Open polls are aborted; what one brings all the same is released. On a FIFO
   * queue, where whatever an aborted poll has stranded blocks its groups for a visibility timeout, it is
   * asked for by the poll's attempt id and released. Resolves when none of that is left.
   */
  async stop(): Promise<void> {
    this.#rest.cancel();
    this.#stop.abort(new ConsumerStoppedError());
    while (this.#polls.size > 0) await Promise.all(this.#polls);
    await Promise.all(this.#lost.splice(0).map((poll) => this.#takeBack(poll)));
  }

  /**
   * Has the receiver look, within this turn, whether polls may be opened. Called whenever permits, idle
   * workers or polls have changed.
   */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    // A batch of settlements gives its permits back one by one: look when all of them are there. And after all
    // promises, so that what a poll has brought is with its handlers before the next poll is made and sent.
    nextTick(() => {
      this.#awake = false;
      this.#open();
    });
  }

  #open(): void {
    while (!this.#asking) {
      const next = this.#next();
      if (next === undefined) return;
      if (this.#parts.limits.length > 0) {
        void this.#track(this.#askAndPoll(next));
        return;
      }
      void this.#track(this.#poll(next, this.#parts.waitTimeSeconds));
    }
  }

  /** The poll to be opened now; undefined when none is. */
  #next(): Poll | undefined {
    if (!this.#started || this.#paused || this.#rest.resting) return undefined;
    if (this.#stop.signal.aborted || this.#openPolls >= this.#level.polls) return undefined;
    const [lost] = this.#lost;
    if (lost !== undefined) return lost;
    const { permits, room, hungry, fifo, random } = this.#parts;
    const count = Math.min(permits.free, room() - this.#requested);
    if (count >= this.#fullPoll) return newPoll(this.#fullPoll, fifo, random);
    const starving = count > 0 && this.#openPolls === 0 && hungry();
    return starving ? newPoll(count, fifo, random) : undefined;
  }

  async #askAndPoll(next: Poll): Promise<void> {
    const { limits, permits, reporter, clock, waitTimeSeconds, fifo, random } = this.#parts;
    this.#asking = true;
    const { allowed, fault } = await askLimits(limits, next.wanted, clock, this.#stop.signal);
    this.#asking = false;
    if (this.#stop.signal.aborted || this.#paused) return;
    reporter.limitsAsked(fault);
    if (this.#rest.resting) return; // A poll failed meanwhile.
    const reserved = this.#lost.includes(next) ? next.wanted : 0;
    const count = Math.min(allowed, permits.free + reserved);
    if (count > 0) {
      this.#refusals = 0;
      // One that asks for less than before is another poll, whose answer may not be that of the first.
      if (count < next.wanted) this.#forget(next);
      const opened = count < next.wanted ? newPoll(count, fifo, random) : next;
      const poll = this.#poll(opened, waitTimeSeconds);
      this.wake();
      await poll;
    } else {
      this.#rest.atLeast(fullJitterMs(limitBackoff, this.#refusals++, random));
    }
  }

  /** One poll, from its permits to its deliveries being sent on. Never rejects; answers its error. */
  async #poll(poll: Poll, waitSeconds: number): Promise<Error | undefined> {
    const { permits, fifo, clock, random, reporter, send } = this.#parts;
    const { wanted } = poll;
    this.#forget(poll);
    permits.take(wanted);
    this.#openPolls += 1;
    this.#requested += wanted;
    const startedAtMs = clock.monotonicMs();
    const opened = isRemembered(poll, startedAtMs)
      ? poll
      : { ...newPoll(wanted, fifo, random), firstAtMs: startedAtMs };
    let messages: readonly ReceivedMessage[];
    try {
      messages = await receive(this.#parts, opened, {
        waitSeconds,
        signal: this.#stop.signal,
        // On a FIFO queue the same messages, with the same handles, answer the poll when it is opened again.
        onLate: fifo ? undefined : (late) => this.#late(late, startedAtMs),
      });
    } catch (thrown) {
      const error = toError(thrown);
      this.#openPolls -= 1;
      if (mayHaveBrought(opened, error)) {
        this.#lost.push(opened);
      } else {
        this.#requested -= wanted;
        permits.give(wanted);
      }
      return this.#failed(error, startedAtMs);
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
    for (const delivery of deliveries) {
      // A listener of `received` may have stopped the consumer, which has released them.
      if (delivery.state !== "received") continue;
      // Not by way of its lane, where each would wait for the one before it to be settled.
      if (this.#stop.signal.aborted) delivery.settle(giveBack(stopping));
      else send(delivery);
    }
    this.wake();
    return undefined;
  }

  /** Gives a lost poll's permits back: it is opened now, or never again. */
  #forget(poll: Poll): void {
    const index = this.#lost.indexOf(poll);
    if (index === -1) return;
    this.#lost.splice(index, 1);
    this.#requested -= poll.wanted;
    this.#parts.permits.give(poll.wanted);
  }

  /** Asks once for what a lost poll has stranded, and releases it. Never rejects. */
  async #takeBack(poll: Poll): Promise<void> {
    const { permits, clock, logger, reporter } = this.#parts;
    const { wanted } = poll;
    const nowMs = clock.monotonicMs();
    let deliveries: readonly Delivery[] = [];
    try {
      if (isRemembered(poll, nowMs)) {
        const bounds = { waitSeconds: 0, signal: undefined, onLate: undefined };
        const messages = await receive(this.#parts, poll, bounds);
        deliveries = this.#admit(messages, wanted, nowMs);
      }
    } catch (error) {
      logger.warn("what an aborted poll may have stranded comes again by itself", { error });
    }
    this.#requested -= wanted;
    permits.give(wanted - deliveries.length);
    reporter.receivedLate(deliveries.length);
    for (const delivery of deliveries) delivery.settle(giveBack(stopping));
  }

  #admit(messages: readonly ReceivedMessage[], wanted: number, askedAtMs: number): Delivery[] {
    const { admit, logger } = this.#parts;
    const deliveries: Delivery[] = [];
    for (const message of messages) {
      try {
        const { ReceiptHandle } = message;
        // Without a handle it cannot be settled; beyond what was asked there is no permit.
        if (typeof ReceiptHandle !== "string" || ReceiptHandle === "") {
          throw new TypeError("it has no receipt handle");
        }
        if (deliveries.length === wanted) throw new RangeError(`no more than ${wanted} were asked`);
        deliveries.push(admit({ ...message, ReceiptHandle }, askedAtMs));
      } catch (error) {
        // It comes again when its visibility timeout is over; the others are none the worse.
        logger.error("SQS answered a message that cannot be taken", { error });
      }
    }
    return deliveries;
  }

  /** A poll that had been given up was answered after all: its messages are in flight, and go back. */
  #late(messages: readonly ReceivedMessage[], askedAtMs: number): void {
    if (this.#ended) return;
    const { permits, reporter } = this.#parts;
    const count = Math.min(messages.length, permits.free);
    permits.take(count);
    const deliveries = this.#admit(messages, count, askedAtMs);
    permits.give(count - deliveries.length);
    reporter.receivedLate(deliveries.length);
    for (const delivery of deliveries) delivery.settle(giveBack("its poll had been given up"));
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
    if (another || !this.#rest.resting) {
      this.#rest.atLeast(fullJitterMs(errorBackoff, this.#failures - 1, random));
    }
    reporter.pollFailed(error, this.#failures, this.#rest.leftMs);
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
    this.#rest.atLeast(fullJitterMs(emptyBackoff, this.#hastyAnswers++, this.#parts.random));
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
