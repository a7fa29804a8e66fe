/**
 * Owns the web server's ear at the database: one connection that hears of every change (LISTEN), for as many as
 * want to know. It never reads a table.
 */
import { Socket } from "node:net";
import { sleep, systemClock } from "millrace";
import { Client } from "pg";
import { changeChannel, parseChange } from "../office/change.ts";
import type { Change } from "../office/change.ts";

/** One who wants to know. Neither may throw. */
export interface Subscriber {
  /** Something has changed. */
  changed(change: Change): void;
  /** Changes may have been missed: the connection was away. */
  missed(): void;
}

const reconnectMs = 500;
/** How often it looks whether the connection still lives, and how long that may take. */
const checkEveryMs = 10_000;
const answerWithinMs = 5_000;
/** How long the database has for its goodbye. */
const endWithinMs = 500;

/**
 * | state | meaning | left when |
 * |---|---|---|
 * | connecting | nothing is heard | connected: all are told that they may have missed something; stopped |
 * | listening | changes are passed on | the connection breaks, or does not answer; stopped |
 * | stopped | nothing runs | never |
 */
export class ChangeFeed implements AsyncDisposable {
  readonly #url: string;
  readonly #onFault: (error: unknown) => void;
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  readonly #stop = new AbortController();
  #listening = false;
  /** Whether it was said that the connection is away. */
  #reported = false;
  #ended: Promise<void> = Promise.resolve();

  /** @param onFault called when the connection breaks, once until it is back; and for what is no change. */
  constructor(url: string, onFault: (error: unknown) => void) {
    this.#url = url;
    this.#onFault = onFault;
  }

  /** Whether changes are heard of now. */
  get listening(): boolean {
    return this.#listening;
  }

  /** Connects in the background, and again whenever the connection breaks. To be called once. */
  start(): void {
    this.#ended = this.#run(this.#stop.signal);
  }

  /**
   * Tells `subscriber` of the changes of one event from now on.
   *
   * @returns what ends it.
   */
  subscribe(event: string, subscriber: Subscriber): () => void {
    const others = this.#subscribers.get(event) ?? new Set();
    this.#subscribers.set(event, others.add(subscriber));
    return () => {
      others.delete(subscriber);
      if (others.size === 0 && this.#subscribers.get(event) === others) {
        this.#subscribers.delete(event);
      }
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  /** Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listen(signal);
      } catch (error) {
        if (!signal.aborted && !this.#reported) this.#onFault(error);
        this.#reported = true;
      }
      this.#listening = false;
      await sleep(systemClock, reconnectMs, signal).catch(() => {});
    }
  }

  /** Until the connection breaks, with its error; or until the signal aborts. */
  async #listen(signal: AbortSignal): Promise<void> {
    const socket = new Socket();
    const client = new Client({
      stream: () => socket,
      connectionString: this.#url,
      application_name: "tickets web: changes",
      connectionTimeoutMillis: answerWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
    });
    const broken = new AbortController();
    client.on("error", (error) => broken.abort(error));
    client.on("end", () => broken.abort(new Error("the connection to the database ended")));
    client.on("notification", ({ payload = "" }) => this.#pass(payload));
    const over = AbortSignal.any([signal, broken.signal]);
    try {
      await client.connect();
      await client.query(`LISTEN ${changeChannel}`);
      this.#listening = true;
      this.#reported = false;
      for (const subscribers of this.#subscribers.values()) {
        for (const subscriber of subscribers) subscriber.missed();
      }
      for (;;) {
        await sleep(systemClock, checkEveryMs, over);
        await client.query("SELECT");
      }
    } finally {
      // Else it waits for a database that does not answer any more.
      const late = systemClock.setTimer(() => socket.destroy(), endWithinMs);
      await client.end().catch(() => {});
      late.cancel();
    }
  }

  #pass(payload: string): void {
    let change: Change;
    try {
      change = parseChange(payload);
    } catch (error) {
      this.#onFault(error);
      return;
    }
    for (const subscriber of this.#subscribers.get(change.event) ?? []) subscriber.changed(change);
  }
}
