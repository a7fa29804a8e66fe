/**
 * Owns one queue of the counting endpoint: what it hands out, who waits for it, and what was counted. It never
 * stores a message: those are made up as they are asked for.
 */
import { attributesJson, messageJson, numberOf } from "./canned-message.ts";
import type { CannedMessage } from "./canned-message.ts";
import type { QueueCounts, QueueOptions } from "./protocol.ts";

export interface Receive {
  readonly max: number;
  readonly waitMs: number;
  readonly visibilityMs: number;
  readonly attributeNames: readonly string[];
  /** Called once, with the elements of `Messages`. */
  readonly answer: (messages: readonly string[]) => void;
}

/** A message in flight. */
interface Lease {
  /** When it would have ended had nobody extended it. */
  readonly firstUntilMs: number;
  /** When it ends. Written by extend. */
  untilMs: number;
}

interface Waiting {
  readonly receive: Receive;
  readonly timer: NodeJS.Timeout;
  readonly sinceMs: number;
}

export class FakeQueue {
  readonly visibilitySeconds: number;
  readonly #requests: Record<string, number> = {};
  /** Long polls that wait, the oldest first. */
  readonly #waiting = new Set<Waiting>();
  /** Arrived and not handed out yet; only on a queue that messages arrive at. */
  readonly #arrived: CannedMessage[] = [];
  /** Of each message in flight that is not lost, by number; only where leases are tracked. */
  readonly #leases: Map<number, Lease> | undefined;
  /** There from the start, and not handed out yet. Written by the constructor and #readyMessage. */
  #ready: number;
  #lastNumber = 0;
  #handedOut = 0;
  #deleted = 0;
  #sent = 0;
  #leasesLost = 0;
  /** Of messages that are no longer in flight. */
  #outlasted = 0;
  /** Of polls that have ended. */
  #openPollMs = 0;
  readonly #random: () => number;
  /** Of messages that arrive; 0 where none do. */
  readonly #perSecond: number;
  /** Until the next message arrives. Written by #arrive, once no message is left of those that were there. */
  #arrivals: NodeJS.Timeout | undefined;

  constructor(options: QueueOptions, random: () => number) {
    this.visibilitySeconds = options.visibilitySeconds ?? 30;
    const { messages } = options;
    this.#leases = options.trackLeases === true ? new Map() : undefined;
    this.#random = random;
    if (typeof messages === "object") {
      this.#ready = messages.ready;
      this.#perSecond = messages.perSecond;
    } else {
      this.#ready = messages === "deep" ? Infinity : 0;
      this.#perSecond = 0;
    }
    if (this.#ready === 0) this.#arrive();
  }

  count(operation: string): void {
    this.#requests[operation] = (this.#requests[operation] ?? 0) + 1;
  }

  countSent(messages: number): void {
    this.#sent += messages;
  }

  /** Answers at once, or when a message arrives, or when the wait is over. */
  receive(receive: Receive): (() => void) | undefined {
    const ready = this.#take(receive);
    if (ready.length > 0 || receive.waitMs === 0) {
      receive.answer(ready);
      return undefined;
    }
    const waiting: Waiting = {
      receive,
      sinceMs: performance.now(),
      timer: setTimeout(() => {
        if (this.#endWait(waiting)) receive.answer([]);
      }, receive.waitMs),
    };
    this.#waiting.add(waiting);
    return () => this.#endWait(waiting);
  }

  delete(receiptHandle: string): void {
    this.#deleted += 1;
    if (this.#leases === undefined) return;
    const number = numberOf(receiptHandle);
    const lease = this.#leases.get(number);
    if (lease !== undefined) this.#endLease(number, lease, performance.now());
  }

  extend(receiptHandle: string, seconds: number): void {
    const number = numberOf(receiptHandle);
    const lease = this.#leases?.get(number);
    // One that has run out is somebody else's by now: it stays lost.
    if (lease === undefined || lease.untilMs < performance.now()) return;
    lease.untilMs = performance.now() + seconds * 1_000;
  }

  counts(): QueueCounts {
    const now = performance.now();
    this.#sweepLeases(now);
    let outlasted = this.#outlasted;
    for (const { firstUntilMs } of this.#leases?.values() ?? []) {
      if (firstUntilMs < now) outlasted += 1;
    }
    let openPollMs = this.#openPollMs;
    for (const { sinceMs } of this.#waiting) openPollMs += now - sinceMs;
    return {
      requests: { ...this.#requests },
      handedOut: this.#handedOut,
      deleted: this.#deleted,
      sent: this.#sent,
      leasesLost: this.#leasesLost,
      outlasted,
      openPollMs,
    };
  }

  close(): void {
    clearTimeout(this.#arrivals);
    for (const waiting of this.#waiting) {
      this.#endWait(waiting);
      waiting.receive.answer([]);
    }
  }

  #take({ max, visibilityMs, attributeNames }: Receive): string[] {
    const count = Math.min(max, this.#arrived.length + this.#ready);
    const untilMs = performance.now() + visibilityMs;
    const attributes = attributesJson(attributeNames);
    const taken: string[] = [];
    while (taken.length < count) {
      const message = this.#arrived.shift() ?? this.#readyMessage();
      this.#leases?.set(message.number, { firstUntilMs: untilMs, untilMs });
      taken.push(messageJson(message, attributes));
    }
    this.#handedOut += taken.length;
    return taken;
  }

  #readyMessage(): CannedMessage {
    this.#ready -= 1;
    // Not before: what arrives is the same, and finds the same queue, however long a client takes until then.
    if (this.#ready === 0) this.#arrive();
    return this.#nextMessage();
  }

  #nextMessage(): CannedMessage {
    this.#lastNumber += 1;
    return { number: this.#lastNumber, sentNs: process.hrtime.bigint() };
  }

  /** False when it had ended already. */
  #endWait(waiting: Waiting): boolean {
    if (!this.#waiting.delete(waiting)) return false;
    clearTimeout(waiting.timer);
    this.#openPollMs += performance.now() - waiting.sinceMs;
    return true;
  }

  #arrive(): void {
    if (this.#perSecond === 0) return;
    const pauseMs = (-Math.log(1 - this.#random()) * 1_000) / this.#perSecond;
    this.#arrivals = setTimeout(() => {
      this.#arrived.push(this.#nextMessage());
      const [first] = this.#waiting;
      if (first !== undefined && this.#endWait(first)) {
        first.receive.answer(this.#take(first.receive));
      }
      this.#arrive();
    }, pauseMs);
  }

  #sweepLeases(now: number): void {
    for (const [number, lease] of this.#leases ?? []) {
      if (lease.untilMs < now) this.#endLease(number, lease, now);
    }
  }

  /** It is over: its message was deleted, or it has run out. */
  #endLease(number: number, { firstUntilMs, untilMs }: Lease, now: number): void {
    if (untilMs < now) this.#leasesLost += 1;
    if (firstUntilMs < now) this.#outlasted += 1;
    this.#leases?.delete(number);
  }
}
