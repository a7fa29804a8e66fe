/**
 * Owns the long polls of one queue: who waits, in which order, until when. It never hands out a message
 * by itself; the queue asks who is first.
 */
import type { ReceiveMessageOutput } from "millrace";
import { newAlarm } from "./alarms.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { LinkedList } from "./linked-list.ts";
import type { Link } from "./linked-list.ts";
import type { ReceiveRequest } from "./receive-request.ts";

/** One open long poll. */
export interface WaitingReceive {
  readonly request: ReceiveRequest;
}

/**
 * - `waiting`: in the list, with an alarm and perhaps a listener on its signal.
 * - `settled`: answered, timed out, aborted or refused; in no list, with neither of them.
 */
class Waiter implements WaitingReceive, Link<Waiter> {
  readonly request: ReceiveRequest;
  readonly alarm: Alarm;
  readonly resolve: (output: ReceiveMessageOutput) => void;
  readonly reject: (error: unknown) => void;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  /** Takes the listener off the signal; written once, by {@link WaitingReceives.wait}. */
  unlisten: (() => void) | undefined = undefined;

  constructor(
    request: ReceiveRequest,
    alarm: Alarm,
    resolve: (output: ReceiveMessageOutput) => void,
    reject: (error: unknown) => void,
  ) {
    this.request = request;
    this.alarm = alarm;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** What the queue does when something here happened by itself. */
export interface WaitingReceivesOwner {
  /** A poll's time is over; it is answered with nothing unless something is found for it now. */
  lastCall(): void;
  /** A poll was aborted. */
  left(): void;
}

/** The long polls of one queue, first come, first served. */
export class WaitingReceives {
  readonly #alarms: Alarms;
  readonly #owner: WaitingReceivesOwner;
  readonly #waiters = new LinkedList<Waiter>();

  constructor(alarms: Alarms, owner: WaitingReceivesOwner) {
    this.#alarms = alarms;
    this.#owner = owner;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Who is served next. */
  get first(): WaitingReceive | undefined {
    return this.#waiters.first;
  }

  /**
   * Waits until the queue answers, or the time is over.
   *
   * @throws the signal's reason, when it aborts first.
   */
  wait(
    request: ReceiveRequest,
    untilMs: number,
    signal: AbortSignal | undefined,
  ): Promise<ReceiveMessageOutput> {
    return new Promise((resolve, reject) => {
      const alarm = newAlarm(() => {
        this.#owner.lastCall();
        if (this.#settle(waiter)) waiter.resolve({});
      });
      const waiter = new Waiter(request, alarm, resolve, reject);
      this.#waiters.push(waiter);
      this.#alarms.set(alarm, untilMs);
      if (signal === undefined) return;
      const onAbort = (): void => {
        if (!this.#settle(waiter)) return;
        waiter.reject(signal.reason);
        this.#owner.left();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiter.unlisten = () => signal.removeEventListener("abort", onAbort);
    });
  }

  /** Answers the poll that is {@link first}. */
  answerFirst(output: ReceiveMessageOutput): void {
    const waiter = this.#waiters.first;
    if (waiter !== undefined && this.#settle(waiter)) waiter.resolve(output);
  }

  /** Answers all with nothing. */
  answerAll(): void {
    while (this.#waiters.first !== undefined) this.answerFirst({});
  }

  refuseAll(error: Error): void {
    for (let { first } = this.#waiters; first !== undefined;) {
      if (this.#settle(first)) first.reject(error);
      ({ first } = this.#waiters);
    }
  }

  /** Whether it was still waiting. */
  #settle(waiter: Waiter): boolean {
    if (waiter.previous === undefined && this.#waiters.first !== waiter) return false;
    this.#waiters.remove(waiter);
    this.#alarms.clear(waiter.alarm);
    waiter.unlisten?.();
    waiter.unlisten = undefined;
    return true;
  }
}
