/**
 * Owns one queue: which message goes in, who gets it, and what a receipt handle may do to it. It never
 * reads a raw parameter but receipt handles, and knows of other queues only that a message can go to one.
 */
import type { Clock, Random, ReceiveMessageOutput } from "millrace";
import { newAlarm } from "./alarms.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { Backlog } from "./backlog.ts";
import { FifoBacklog } from "./fifo-backlog.ts";
import { sequenceNumber } from "./ids.ts";
import type { Ids } from "./ids.ts";
import { maxVisibilitySeconds } from "./limits.ts";
import { MessageStore } from "./message-store.ts";
import type { MessageCounts } from "./message-store.ts";
import type { Draft, MessageContent, MessageOrigin, StoredMessage } from "./message.ts";
import type { QueueAttributes } from "./queue-attributes.ts";
import { ReceiptHandles } from "./receipt-handles.ts";
import { ReceiveAttempts } from "./receive-attempts.ts";
import { present } from "./receive-request.ts";
import type { ReceiveRequest } from "./receive-request.ts";
import { Recent } from "./recent.ts";
import { invalidValue, Refusal, toServiceError } from "./refusal.ts";
import { StandardBacklog } from "./standard-backlog.ts";
import { WaitingReceives } from "./waiting-receives.ts";

/** What a queue stands in: the service's parts and settings. */
export interface QueueContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly alarms: Alarms;
  readonly ids: Ids;
  readonly senderId: string;
  readonly reorder: boolean;
  readonly duplicateRate: number;
  readonly inFlightLimit: number;
  /** Puts a message that `from` gives up into its dead-letter queue; false when there is none. */
  readonly deadLetter: (from: Queue, message: StoredMessage) => boolean;
}

/** What a send is answered with, besides digests. */
export interface Sent {
  readonly id: string;
  readonly sequenceNumber: string | undefined;
}

/**
 * One queue. Nothing in it scans what is in flight: what is due comes from a heap, what is next from the
 * backlog, and what a receipt handle names from a map.
 *
 * Time passes in two ways: each call first makes visible what has become it, and drops what is too old.
 * Only while receives wait does an alarm do the same by itself, since only then could anybody tell.
 */
export class Queue {
  readonly name: string;
  readonly arn: string;
  readonly tags: Map<string, string> = new Map<string, string>();
  /** Wall-clock time, ms. */
  readonly createdAt: number;
  /** Wall-clock time, ms; written by {@link setAttributes}. */
  modifiedAt: number;
  /** Monotonic time before which it is not purged again, ms; written by {@link purge}. */
  purgeableFromMs = 0;

  readonly #context: QueueContext;
  /** Written by {@link setAttributes}. */
  #attributes: QueueAttributes;
  readonly #handles: ReceiptHandles;
  readonly #messages: MessageStore;
  readonly #waiting: WaitingReceives;
  /** Set while receives wait and time can bring something for them. */
  readonly #alarm: Alarm;
  readonly #sends = new Recent<Sent>();
  readonly #attempts = new ReceiveAttempts();
  /** Messages that came into the queue so far; written by #insert. */
  #serial = 0;
  /** While a receive takes messages, a message that another queue sends here must not start a second. */
  #taking = false;

  constructor(name: string, arn: string, attributes: QueueAttributes, context: QueueContext) {
    this.name = name;
    this.arn = arn;
    this.createdAt = context.clock.now();
    this.modifiedAt = this.createdAt;
    this.#context = context;
    this.#attributes = attributes;
    this.#handles = new ReceiptHandles(context.random);
    const backlog: Backlog = attributes.fifo
      ? new FifoBacklog()
      : new StandardBacklog(context.reorder ? context.random : undefined);
    this.#messages = new MessageStore(backlog);
    this.#alarm = newAlarm(() => this.#refresh());
    this.#waiting = new WaitingReceives(context.alarms, {
      lastCall: () => void this.#refresh(),
      left: () => this.#arm(),
    });
  }

  get attributes(): QueueAttributes {
    return this.#attributes;
  }

  get waitingReceives(): number {
    return this.#waiting.size;
  }

  /** How many messages there are in each state now. */
  counts(): MessageCounts {
    this.#refresh();
    return this.#messages.counts;
  }

  setAttributes(attributes: QueueAttributes): void {
    const nowMs = this.#refresh();
    const before = this.#attributes;
    this.#attributes = attributes;
    this.modifiedAt = this.#context.clock.now();
    if (attributes.fifo && attributes.delaySeconds !== before.delaySeconds) {
      this.#delayAnew(attributes.delaySeconds * 1000, nowMs);
    }
    this.#refresh();
  }

  /** Puts messages in, in order, and serves who waits for them. */
  send(drafts: readonly Draft[]): Sent[] {
    const nowMs = this.#refresh();
    const sent = drafts.map((draft) => this.#sendOne(draft, nowMs));
    this.#serve(nowMs);
    return sent;
  }

  /**
   * Hands out messages, or waits for one.
   *
   * @throws Refusal when too many messages are in flight. The promise rejects with the signal's reason.
   */
  receive(
    request: ReceiveRequest,
    signal: AbortSignal | undefined,
  ): ReceiveMessageOutput | Promise<ReceiveMessageOutput> {
    const nowMs = this.#refresh();
    const messages = this.#again(request, nowMs) ?? this.#take(request, nowMs);
    if (messages !== undefined) {
      this.#serve(nowMs);
      return this.#answer(messages, request);
    }
    const waitSeconds = request.waitSeconds ?? this.#attributes.waitSeconds;
    if (waitSeconds > 0) {
      const answer = this.#waiting.wait(request, nowMs + waitSeconds * 1000, signal);
      this.#arm();
      return answer;
    }
    if (!this.#attributes.fifo && this.#room() <= 0) {
      const { inFlightLimit } = this.#context;
      const text = `Too many messages in flight: the limit is ${inFlightLimit}.`;
      throw new Refusal("OverLimit", text);
    }
    return {};
  }

  /**
   * Deletes what the handle names. On a standard queue a handle that is not of the latest receive
   * succeeds and deletes nothing, which AWS allows; on a FIFO queue one that has expired is refused.
   *
   * @throws Refusal
   */
  delete(handle: string): void {
    const nowMs = this.#refresh();
    const { message, current } = this.#find(handle);
    if (message === undefined) return;
    if (this.#attributes.fifo && (!current || message.state !== "inFlight")) {
      throw expired(handle);
    }
    if (!current) return;
    this.#messages.drop(message);
    this.#serve(nowMs);
  }

  /**
   * Sets when what the handle names becomes visible again, counted from now.
   *
   * @throws Refusal when it is not in flight by this handle, or would be for more than 12 hours in all.
   */
  changeVisibility(handle: string, seconds: number): void {
    const nowMs = this.#refresh();
    const { message, current } = this.#find(handle);
    if (message !== undefined && this.#attributes.fifo) {
      if (!current || message.state !== "inFlight") throw expired(handle);
    }
    if (message === undefined || !current) {
      const reason = "Message does not exist or is not available for visibility timeout change.";
      throw invalidValue(handle, "ReceiptHandle", reason);
    }
    // AWS documents this error; what it does at the time of writing is to answer success and do nothing.
    if (message.state !== "inFlight") {
      throw new Refusal("MessageNotInflight", "The message referred to isn't in flight.");
    }
    const untilMs = nowMs + seconds * 1000;
    if (untilMs > message.receivedAtMs + maxVisibilitySeconds * 1000) {
      const reason = `Total VisibilityTimeout for the message is beyond the limit [${maxVisibilitySeconds} seconds]`;
      throw invalidValue(seconds, "VisibilityTimeout", reason);
    }
    message.changed = true;
    this.#messages.hide(message, "inFlight", untilMs);
    if (seconds === 0) this.#refresh();
    else this.#arm();
  }

  /** Deletes all messages, those in flight included. */
  purge(purgeableFromMs: number): void {
    this.purgeableFromMs = purgeableFromMs;
    for (const message of this.#messages.all()) this.#messages.drop(message);
    this.#arm();
  }

  /** Takes in a message that comes from another queue. */
  accept(content: MessageContent, origin: MessageOrigin): void {
    const nowMs = this.#refresh();
    this.#insert({ ...content, sequenceNumber: this.#nextSequenceNumber() }, origin, 0, nowMs);
    this.#serve(nowMs);
  }

  /** The message that a receive would get next. */
  peek(): StoredMessage | undefined {
    const nowMs = this.#refresh();
    for (;;) {
      const message = this.#messages.next(undefined, nowMs);
      if (message === undefined || !message.duplicate) return message;
      // A second delivery is not a second message.
      this.#messages.drop(message);
    }
  }

  /** Takes out a message that {@link peek} has found. */
  take(message: StoredMessage): void {
    this.#messages.drop(message);
  }

  /** Ends every waiting receive: with nothing, or with an error. */
  close(refusal: Refusal | undefined): void {
    this.#context.alarms.clear(this.#alarm);
    if (refusal === undefined) this.#waiting.answerAll();
    else this.#waiting.refuseAll(toServiceError("ReceiveMessage", refusal));
  }

  #sendOne(draft: Draft, nowMs: number): Sent {
    const key = this.#deduplicationKey(draft);
    const before = key === undefined ? undefined : this.#sends.find(key, nowMs);
    if (before !== undefined) return before;
    const { ids, clock } = this.#context;
    const content = {
      id: ids.next(),
      draft,
      sentAt: clock.now(),
      sequenceNumber: this.#nextSequenceNumber(),
      deadLetterSourceArn: undefined,
    };
    this.#insert(content, { retainedFromMs: nowMs }, draft.delaySeconds * 1000, nowMs);
    if (key === undefined) return content;
    const sent = { id: content.id, sequenceNumber: content.sequenceNumber };
    this.#sends.remember(key, sent, nowMs);
    return sent;
  }

  #deduplicationKey({ groupId, deduplicationId }: Draft): string | undefined {
    if (deduplicationId === undefined) return undefined;
    // No id holds a space.
    return this.#attributes.deduplicatesByGroup ? `${groupId} ${deduplicationId}` : deduplicationId;
  }

  #nextSequenceNumber(): string | undefined {
    return this.#attributes.fifo ? sequenceNumber(this.#serial + 1) : undefined;
  }

  #insert(content: MessageContent, origin: MessageOrigin, delayMs: number, nowMs: number): void {
    this.#serial += 1;
    this.#messages.insert(content, this.#serial, origin, delayMs, nowMs);
  }

  /** Brings the queue to the present, and serves who waits. */
  #refresh(): number {
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#taking) return nowMs;
    this.#messages.lapse(nowMs, this.#attributes.retentionMs);
    this.#serve(nowMs);
    return nowMs;
  }

  /** Gives waiting receives what there is, the first of them as much as it takes. */
  #serve(nowMs: number): void {
    if (this.#taking) return;
    for (let { first } = this.#waiting; first !== undefined;) {
      const messages = this.#take(first.request, nowMs);
      if (messages === undefined) break;
      this.#waiting.answerFirst(this.#answer(messages, first.request));
      ({ first } = this.#waiting);
    }
    this.#arm();
  }

  #arm(): void {
    const { alarms } = this.#context;
    if (this.#waiting.size === 0) {
      alarms.clear(this.#alarm);
      return;
    }
    const nextMs = this.#messages.nextLapseMs(this.#attributes.retentionMs);
    if (nextMs === Infinity) alarms.clear(this.#alarm);
    else alarms.set(this.#alarm, nextMs);
  }

  #room(): number {
    return this.#context.inFlightLimit - this.#messages.counts.inFlight;
  }

  /** Puts in flight what a receive may have, or undefined when that is nothing. */
  #take(request: ReceiveRequest, nowMs: number): readonly StoredMessage[] | undefined {
    const max = Math.min(request.max, this.#room());
    const { redrivePolicy, visibilitySeconds } = this.#attributes;
    const untilMs = nowMs + (request.visibilitySeconds ?? visibilitySeconds) * 1000;
    const taken: StoredMessage[] = [];
    let last: StoredMessage | undefined;
    this.#taking = true;
    while (taken.length < max) {
      const message = this.#messages.next(last, nowMs);
      if (message === undefined) break;
      const failed =
        redrivePolicy !== undefined && message.receivesHere >= redrivePolicy.maxReceiveCount;
      if (failed && this.#context.deadLetter(this, message)) {
        this.#messages.drop(message);
        continue;
      }
      this.#lease(message, nowMs, untilMs);
      taken.push(message);
      last = message;
    }
    this.#taking = false;
    if (taken.length === 0) return undefined;
    if (request.attemptId !== undefined) this.#attempts.remember(request.attemptId, taken, nowMs);
    return taken;
  }

  #lease(message: StoredMessage, nowMs: number, untilMs: number): void {
    message.receiveCount += 1;
    message.receivesHere += 1;
    message.receivedAtMs = nowMs;
    if (message.firstReceivedAt === 0) message.firstReceivedAt = this.#context.clock.now();
    message.handle = this.#handles.issue(message.serial);
    message.changed = false;
    this.#messages.hide(message, "inFlight", untilMs);
    this.#perhapsTwice(message, nowMs);
  }

  /** Where it was asked for, has some deliveries come a second time, with a receipt handle of their own. */
  #perhapsTwice(message: StoredMessage, nowMs: number): void {
    const { duplicateRate, random } = this.#context;
    if (duplicateRate === 0 || message.duplicate || this.#attributes.fifo) return;
    if (random() >= duplicateRate) return;
    const { retainedFromMs, receiveCount, firstReceivedAt } = message;
    const origin = {
      retainedFromMs,
      receiveCount: receiveCount - 1,
      firstReceivedAt,
      duplicate: true,
    };
    this.#insert(message.content, origin, 0, nowMs);
  }

  #answer(messages: readonly StoredMessage[], request: ReceiveRequest): ReceiveMessageOutput {
    const { senderId } = this.#context;
    return { Messages: messages.map((message) => present(message, request, senderId)) };
  }

  /** The same messages again, for a receive whose answer was lost. */
  #again(request: ReceiveRequest, nowMs: number): readonly StoredMessage[] | undefined {
    if (request.attemptId === undefined) return undefined;
    const messages = this.#attempts.find(request.attemptId, nowMs);
    const seconds = request.visibilitySeconds ?? this.#attributes.visibilitySeconds;
    for (const message of messages ?? []) {
      message.receivedAtMs = nowMs;
      this.#messages.hide(message, "inFlight", nowMs + seconds * 1000);
    }
    return messages;
  }

  /** @throws Refusal when the handle is none of this queue's. */
  #find(handle: string): { message: StoredMessage | undefined; current: boolean } {
    const message = this.#messages.get(this.#handles.serialOf(handle));
    if (message?.handle === handle) return { message, current: true };
    if (this.#handles.isGenuine(handle)) return { message, current: false };
    throw new Refusal(
      "ReceiptHandleIsInvalid",
      `The input receipt handle "${handle}" is not a valid receipt handle.`,
    );
  }

  /** On FIFO queues a new delay holds for messages that are waiting to be received for the first time. */
  #delayAnew(delayMs: number, nowMs: number): void {
    for (const message of this.#messages.all()) {
      const { state, receiveCount, retainedFromMs } = message;
      if (state === "inFlight" || receiveCount > 0) continue;
      const untilMs = retainedFromMs + delayMs;
      if (state === "delayed" || untilMs > nowMs) this.#messages.hide(message, "delayed", untilMs);
    }
  }
}

function expired(handle: string): Refusal {
  return new Refusal(
    "InvalidParameterValue",
    `Value ${handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
    "ReceiptHandleIsInvalid",
  );
}
