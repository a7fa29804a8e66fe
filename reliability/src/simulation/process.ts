/**
 * Owns what a process is to the consumer in it: a clock whose wall-clock time is wrong, an event loop that
 * can stand still, and an end without warning. It never slows SQS or another process.
 */
import type { Clock, Timer } from "millrace";
import type { VirtualClock } from "millrace/testing";

interface Due {
  readonly callback: () => void;
  timer: Timer | undefined;
}

/** How the wall clock of a process differs from SQS's, and how it jumps, all in ms. */
export interface Skew {
  readonly offsetMs: number;
  readonly jumps: readonly { readonly atMs: number; readonly byMs: number }[];
}

/**
 * | state | what comes from outside | left when |
 * |---|---|---|
 * | running | happens at once | {@link block}, {@link kill} |
 * | blocked | waits: first the timers that have come due, in order, then answers | its time is over, {@link kill} |
 * | dead | is dropped | never |
 */
export class SimulatedProcess {
  /** The clock for what runs in it. */
  readonly clock: Clock;
  readonly #world: VirtualClock;
  readonly #timers = new Set<Due>();
  #blockedUntilMs = 0;
  #dead = false;
  /** Came due while blocked; emptied when that ends. */
  #dueTimers: Due[] = [];
  #arrivals: (() => void)[] = [];

  constructor(world: VirtualClock, skew: Skew) {
    this.#world = world;
    const bootMs = 1_000_000;
    this.clock = {
      now: () => {
        const passedMs = world.monotonicMs();
        const jumps = skew.jumps.filter(({ atMs }) => atMs <= passedMs);
        return world.now() + jumps.reduce((sum, { byMs }) => sum + byMs, skew.offsetMs);
      },
      monotonicMs: () => world.monotonicMs() + bootMs,
      setTimer: (callback, delayMs) => this.#setTimer(callback, delayMs),
    };
  }

  /** Timers that are set in it. */
  get timers(): number {
    return this.#timers.size;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get blocked(): boolean {
    return this.#world.monotonicMs() < this.#blockedUntilMs;
  }

  /** Has something come in from outside: an answer, a signal, the end of a handler's own waiting. */
  enter(callback: () => void): void {
    if (this.#dead) return;
    if (this.blocked) this.#arrivals.push(callback);
    else callback();
  }

  /** Waits as a handler does: this is no timer of the consumer's. Never resolves once the process is dead. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.setTimer(() => this.enter(resolve), ms);
    });
  }

  /** The event loop stands still for `ms`: resolves then, before anything else in this process happens. */
  block(ms: number): Promise<void> {
    if (this.#dead) return new Promise(() => {});
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, this.#world.monotonicMs()) + ms;
    const untilMs = this.#blockedUntilMs;
    return new Promise((resolve) => {
      this.#world.setTimer(() => {
        if (this.#dead) return;
        resolve();
        if (this.#blockedUntilMs === untilMs) this.#catchUp();
      }, untilMs - this.#world.monotonicMs());
    });
  }

  /** The process is gone. What it had in hand is SQS's problem. */
  kill(): void {
    this.#dead = true;
    for (const { timer } of this.#timers) timer?.cancel();
    this.#timers.clear();
    this.#dueTimers = [];
    this.#arrivals = [];
  }

  #setTimer(callback: () => void, delayMs: number): Timer {
    const due: Due = { callback, timer: undefined };
    if (this.#dead) return { cancel: () => {} };
    this.#timers.add(due);
    due.timer = this.#world.setTimer(() => {
      if (this.blocked) this.#dueTimers.push(due);
      else this.#fire(due);
    }, delayMs);
    return {
      cancel: () => {
        due.timer?.cancel();
        this.#timers.delete(due);
      },
    };
  }

  #fire(due: Due): void {
    if (this.#timers.delete(due)) due.callback();
  }

  /** In Node's order: timers that have come due, then what has arrived; promises run dry after each. */
  #catchUp(): void {
    const timers = this.#dueTimers;
    const arrivals = this.#arrivals;
    this.#dueTimers = [];
    this.#arrivals = [];
    for (const due of timers) {
      due.timer = this.#world.setTimer(() => {
        if (this.blocked) this.#dueTimers.push(due);
        else this.#fire(due);
      }, 0);
    }
    for (const arrival of arrivals) this.#world.setTimer(() => this.enter(arrival), 0);
  }
}
