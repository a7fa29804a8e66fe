/**
 * Owns polling: when a poll is opened, how many messages it asks for, and what becomes of its answer.
 * It never runs a handler, and never takes more than there are permits for.
 */
import { nextTick } from "node:process";
import { toError } from "../errors.ts";
import type { Random } from "../random.ts";
import { maxReceiveMessages } from "../sqs/limits.ts";
import type { ReceivedMessage } from "../sqs/operations.ts";
import { admitAll } from "./admission.ts";
import type { Delivery } from "./delivery.ts";
import { ConsumerStoppedError } from "./errors.ts";
import { needsSomeone } from "./health.ts";
import type { Limit } from "./limit.ts";
import { askLimits } from "./limit.ts";
import { LostPolls } from "./lost-polls.ts";
import type { LostPollsParts } from "./lost-polls.ts";
import { giveBack, stopping } from "./outcome.ts";
import { PollLevel } from "./poll-level.ts";
import { isRemembered, mayHaveBrought, newPoll, receive } from "./poll.ts";
import type { Poll } from "./poll.ts";
import { Rest } from "./rest.ts";

export interface ReceiverParts extends LostPollsParts {
  readonly waitTimeSeconds: number;
  readonly limits: readonly Limit[];
  /** How many deliveries could be sent on now. */
  readonly room: () => number;
  /** Whether a worker is idle and nothing is on its way to it. */
  readonly hungry: () => boolean;
  /** Sends an admitted delivery on. Called in the order in which SQS handed them out. */
  readonly send: (delivery: Delivery) => void;
  readonly random: Random;
}

/**
 * A poll is opened when {@link Receiver.wake} finds permits for it and none of these holds; several can at once:
 *
 * | it is | from | what happens meanwhile | to |
 * |---|---|---|---|
 * | not started | its making | the first poll of {@link Receiver.start}, which does not wait | the end of that one, unless it was refused in a way that needs someone; or limits that allow none |
 * | paused | {@link Receiver.pause} | open polls run on | {@link Receiver.resume} |
 * | asking limits | a poll is due, and there are limits | open polls run on | their answer, or a stop |
 * | sated | open polls ask for all that limits allow | they run on | the end of one |
 * | resting | a poll failed or came back empty too soon, or limits allowed nothing | open polls run on | a timer ({@link Rest}) |
 * | stopped | {@link Receiver.stop} | open polls are aborted, lost ones asked once more; what they bring is released | never |
 * | ended | {@link Receiver.end}, after a stop | what a poll still brings is left alone | never |
 *
 * A poll asks for ten, and is opened when ten permits are free: fewer a poll would cost more requests.
 * With a worker idle, nothing waiting and no poll open there is no point in holding out for ten, and it
 * asks for what is free. How many may be open at once is {@link PollLevel}'s. A poll of a FIFO queue that was
 * lost comes before any other ({@link LostPolls}).
 */
export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #level: PollLevel;
  readonly #lost: LostPolls;
  readonly #rest: Rest;
  readonly #fullPoll: number;
  /** Aborted by {@link stop}. */
  readonly #stop = new AbortController();
  /** Polls and the asking of limits before them; each removes itself when it has ended. */
  readonly #polls = new Set<Promise<void>>();
  /** Polls that SQS has not answered yet, and how many messages those ask for; written by each poll, as it opens and ends. */
  #openPolls = 0;
  #requested = 0;
  /** Set by {@link start} once its first poll has ended. */
  #started = false;
  /** Written by {@link pause} and {@link resume}. */
  #paused = false;
  /** Whether limits are being asked: written by the asking, around it. */
  #asking = false;
  /** Whether open polls ask for all that limits allow: set by the asking, reset when one of them ends. */
  #sated = false;
  /** Set by {@link end}. */
  #ended = false;
  /** Whether a look is due in this turn already: set by {@link wake}, reset by the look. */
  #awake = false;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#lost = new LostPolls(parts);
    this.#rest = new Rest(parts.clock, parts.random, () => this.wake());
    const { total } = parts.permits;
    this.#fullPoll = Math.min(maxReceiveMessages, total);
    this.#level = new PollLevel(Math.max(1, Math.floor(total / maxReceiveMessages)));
  }

  /** Polls that SQS has not answered yet. */
  get openPolls(): number {
    return this.#openPolls;
  }

  /**
   * Makes the first poll, one that does not wait, and then begins to poll. Where limits allow none, it begins without.
   *
   * @throws the poll's error when the queue is missing or permission is denied. Trouble that passes by
   * itself is no reason not to start.
   */
  async start(): Promise<void> {
    const { fifo, random } = this.#parts;
    const wanted = Math.min(this.#fullPoll, await this.#track(this.#ask()));
    if (wanted > 0) {
      const failure = await this.#track(this.#poll(newPoll(wanted, fifo, random), 0));
      if (failure !== undefined && needsSomeone(failure)) throw failure;
    }
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
   * queue, what an aborted poll has stranded is taken back. Resolves when none of that is left.
   */
  async stop(): Promise<void> {
    this.#rest.cancel();
    this.#stop.abort(new ConsumerStoppedError());
    while (this.#polls.size > 0) await Promise.all(this.#polls);
    await this.#lost.takeBack();
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
    if (this.#sated) return undefined;
    const { first: lost } = this.#lost;
    if (lost !== undefined) return lost;
    const { permits, room, hungry, fifo, random } = this.#parts;
    const count = Math.min(permits.free, room() - this.#requested - this.#lost.wanted);
    if (count >= this.#fullPoll) return newPoll(this.#fullPoll, fifo, random);
    const starving = count > 0 && this.#openPolls === 0 && hungry();
    return starving ? newPoll(count, fifo, random) : undefined;
  }

  async #askAndPoll(next: Poll): Promise<void> {
    const { permits, waitTimeSeconds, fifo, random } = this.#parts;
    const allowed = await this.#ask();
    if (this.#stop.signal.aborted || this.#paused) return;
    if (this.#rest.resting) return; // Limits allow nothing, or a poll failed meanwhile.
    const count = Math.min(allowed, next.wanted, permits.free + this.#lost.permitsOf(next));
    if (count <= 0) return;
    // One that asks for less than before is another poll, whose answer may not be that of the first.
    if (count < next.wanted) this.#lost.forget(next);
    const opened = count < next.wanted ? newPoll(count, fifo, random) : next;
    const poll = this.#poll(opened, waitTimeSeconds);
    this.wake();
    await poll;
  }

  /** Asks limits how many more messages polls may ask for; where there are none, Infinity. Never rejects. */
  async #ask(): Promise<number> {
    const { limits, reporter, clock } = this.#parts;
    if (limits.length === 0) return Infinity;
    this.#asking = true;
    const { allowed, fault } = await askLimits(limits, clock, this.#stop.signal);
    this.#asking = false;
    if (this.#stop.signal.aborted) return 0;
    reporter.limitsAsked(fault);
    if (allowed > 0) this.#rest.allowed();
    else this.#rest.afterRefusal();
    this.#sated = this.#openPolls > 0 && allowed <= this.#requested;
    return allowed - this.#requested;
  }

  /** One poll, from its permits to its deliveries being sent on. Never rejects; answers its error. */
  async #poll(poll: Poll, waitSeconds: number): Promise<Error | undefined> {
    const { waitTimeSeconds, permits, fifo, clock, random, reporter, send } = this.#parts;
    const { wanted } = poll;
    this.#lost.forget(poll);
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
      this.#closed(wanted);
      if (mayHaveBrought(opened, error)) this.#lost.add(opened);
      else permits.give(wanted);
      return this.#failed(error, startedAtMs);
    }
    this.#closed(wanted);
    const deliveries = admitAll(this.#parts, messages, wanted, startedAtMs);
    permits.give(wanted - deliveries.length);
    const tookMs = clock.monotonicMs() - startedAtMs;
    this.#rest.answered();
    this.#level.answered(deliveries.length, wanted);
    // The first poll was not to wait.
    if (waitSeconds === waitTimeSeconds) {
      this.#rest.afterWait({ count: deliveries.length, tookMs, waitSeconds });
    }
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

  /** A poll that asked for `wanted` messages has ended. */
  #closed(wanted: number): void {
    this.#openPolls -= 1;
    this.#requested -= wanted;
    this.#sated = false;
  }

  /** A poll that had been given up was answered after all: its messages are in flight, and go back. */
  #late(messages: readonly ReceivedMessage[], askedAtMs: number): void {
    if (this.#ended) return;
    const { permits, reporter, logger } = this.#parts;
    const count = Math.min(messages.length, permits.free);
    permits.take(count);
    const deliveries = admitAll(this.#parts, messages.slice(0, count), count, askedAtMs);
    if (count < messages.length) {
      const messagesLeft = messages.length - count;
      logger.warn("messages came too late and found no room: they come again by themselves", {
        messagesLeft,
      });
    }
    permits.give(count - deliveries.length);
    reporter.receivedLate(deliveries.length);
    for (const delivery of deliveries) delivery.settle(giveBack("its poll had been given up"));
  }

  #failed(error: Error, openedAtMs: number): Error {
    if (this.#stop.signal.aborted) return error;
    this.#level.failed();
    const consecutive = this.#rest.afterFailure(openedAtMs);
    this.#parts.reporter.pollFailed(error, consecutive, this.#rest.leftMs);
    return error;
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
