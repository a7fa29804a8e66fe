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
  /** When the lease of each message in flight ends, by number; only where leases are tracked. */
  readonly #leases: Map<number, number> | undefined;
  /** There from the start, and not handed out yet. Written by the constructor and #readyMessage. */
  #ready: number;
  #lastNumber = 0;
  #handedOut = 0;
  #deleted = 0;
  #sent = 0;
  #leasesLost = 0;
  /** Of polls that have ended. */
  #openPollMs = 0;
  #arrivals: NodeJS.Timeout | undefined;

  constructor(options: QueueOptions, random: () => number) {
    this.visibilitySeconds = options.visibilitySeconds ?? 30;
    const { messages } = options;
    this.#leases = options.trackLeases === true ? new Map() : undefined;
    if (typeof messages === "object") {
      this.#ready = messages.ready;
      this.#arrive(messages.perSecond, random);
    } else {
      this.#ready = messages === "deep" ? Infinity : 0;
    }
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
    if ((this.#leases.get(number) ?? Infinity) < performance.now()) this.#leasesLost += 1;
    this.#leases.delete(number);
  }

  extend(receiptHandle: string, seconds: number): void {
    const number = numberOf(receiptHandle);
    const untilMs = this.#leases?.get(number);
    // One that has run out is somebody else's by now: it stays lost.
    if (untilMs === undefined || untilMs < performance.now()) return;
    this.#leases?.set(number, performance.now() + seconds * 1_000);
  }

  counts(): QueueCounts {
    const now = performance.now();
    this.#sweepLeases(now);
    let openPollMs = this.#openPollMs;
    for (const { sinceMs } of this.#waiting) openPollMs += now - sinceMs;
    return {
      requests: { ...this.#requests },
      handedOut: this.#handedOut,
      deleted: this.#deleted,
      sent: this.#sent,
      leasesLost: this.#leasesLost,
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
      this.#leases?.set(message.number, untilMs);
      taken.push(messageJson(message, attributes));
    }
    this.#handedOut += taken.length;
    return taken;
  }

  #readyMessage(): CannedMessage {
    this.#ready -= 1;
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

  #arrive(perSecond: number, random: () => number): void {
    const pauseMs = (-Math.log(1 - random()) * 1_000) / perSecond;
    this.#arrivals = setTimeout(() => {
      this.#arrived.push(this.#nextMessage());
      const [first] = this.#waiting;
      if (first !== undefined && this.#endWait(first)) {
        first.receive.answer(this.#take(first.receive));
      }
      this.#arrive(perSecond, random);
    }, pauseMs);
  }

  #sweepLeases(now: number): void {
    if (this.#leases === undefined) return;
    for (const [number, untilMs] of this.#leases) {
      if (untilMs >= now) continue;
      this.#leasesLost += 1;
      this.#leases.delete(number);
    }
  }
}
