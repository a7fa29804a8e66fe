/**
 * Owns what users hold of the relay: its start and stop, its events and counters. It never sends a message;
 * each start makes a run that does.
 */
import type { Pool } from "pg";
import { OptionError } from "../errors.ts";
import { Emitter } from "../events.ts";
import type { Listener } from "../events.ts";
import { checkPool } from "./held-client.ts";
import { RelayHealth } from "./outbox-relay-health.ts";
import type { OutboxRelayHealth } from "./outbox-relay-health.ts";
import { readRelayOptions } from "./outbox-relay-options.ts";
import type { OutboxRelayEvents, OutboxRelayStats } from "./outbox-relay-events.ts";
import type { OutboxRelayOptions, OutboxRelaySettings } from "./outbox-relay-options.ts";
import { RelayRun } from "./outbox-run.ts";

/**
 * Sends what `outbox` has stored, and removes it once SQS has it. Any number of relays, in any number of
 * processes, share an outbox. It takes one connection of the pool for as long as it runs: it is told of new
 * messages over it (LISTEN), looks for them every `pollIntervalMs` all the same, and works on it. When it breaks, or
 * none is to be had within 30 seconds, it asks the pool for another one. A connection that never comes about keeps its
 * place in the pool, unless the pool's own `connectionTimeoutMillis` is set: set it.
 *
 * - Each message is sent at least once: when the connection breaks after a send and before the message is
 *   removed, it is sent again, with the same idempotency key and deduplication id.
 * - On FIFO queues each group is sent in order, whatever fails and however many relays there are. A message
 *   whose send fails holds back its group, and nothing else.
 * - A queue to which nothing can be sent is left alone for up to 20 seconds at a time; others go on.
 * - A message that fails stays: it is tried again after a second, then less and less often, up to once a
 *   minute. None is ever dropped.
 *
 * @example
 * const relay = new OutboxRelay(pool);
 * await relay.start();
 * process.once("SIGTERM", () => relay.stop());
 */
export class OutboxRelay implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #settings: OutboxRelaySettings;
  readonly #events: Emitter<OutboxRelayEvents>;
  readonly #counters = { sent: 0, failed: 0, rounds: 0, databaseFailures: 0 };
  readonly #health: RelayHealth;
  /** Set by start, unset by stop or when the start fails. */
  #run: RelayRun | undefined;
  /** The last stop, under way or done. */
  #stopped: Promise<void> = Promise.resolve();

  /** @throws OptionError for the first option that cannot work. */
  constructor(pool: Pool, options: OutboxRelayOptions = {}) {
    checkPool(pool);
    this.#pool = pool;
    this.#settings = readRelayOptions(options);
    const { logger } = this.#settings;
    this.#events = new Emitter((error, event) =>
      logger.error(`a listener of "${event}" failed`, { error }),
    );
    this.#health = new RelayHealth({
      clock: this.#settings.clock,
      onChange: (from, to, reason) => this.#events.emit("stateChanged", { from, to, reason }),
    });
  }

  /**
   * Connects, looks for messages once, and resolves; from then on it relays. While it runs, calling it again
   * answers the same promise; after a stop it starts anew.
   *
   * @throws DatabaseUnavailableError when the database cannot be reached, or gives no answer within 30 seconds, or the
   * pool has no connection to give for as long; StatementError when the table is
   * missing or may not be used; RelayStoppedError when stop is called meanwhile. Nothing runs then.
   */
  start(): Promise<void> {
    if (this.#run === undefined) {
      const parts = { counters: this.#counters, health: this.#health };
      const run = new RelayRun(this.#pool, this.#settings, this.#events, parts);
      this.#run = run;
      this.#health.starting();
      run.start(this.#stopped);
      run.started.catch(() => {
        if (this.#run !== run) return;
        this.#run = undefined;
        this.#health.stopped();
      });
    }
    return this.#run.started;
  }

  /**
   * Takes no more messages, waits for the sends under way, removes what was sent, and gives the connection up.
   * Nothing runs once it has resolved, at most `deadlineMs` and five seconds later. Calling it again answers
   * the same promise; before start it does nothing.
   *
   * @param options `deadlineMs`: how long sends may go on, in ms, 0 or more. Default 10,000. What is not sent
   * by then stays in the outbox.
   * @throws OptionError when `deadlineMs` is no number of 0 or more.
   */
  stop(options: { deadlineMs?: number | undefined } = {}): Promise<void> {
    const { deadlineMs = 10_000 } = options;
    if (typeof deadlineMs !== "number" || !(deadlineMs >= 0)) {
      return Promise.reject(new OptionError("deadlineMs", "a number of 0 or more", deadlineMs));
    }
    if (this.#run !== undefined) {
      const run = this.#run;
      this.#run = undefined;
      this.#stopped = this.#end(run, deadlineMs);
    }
    return this.#stopped;
  }

  /** A snapshot of what was counted. */
  stats(): OutboxRelayStats {
    return { ...this.#counters };
  }

  /** How it is; "stateChanged" says when that changes. */
  health(): OutboxRelayHealth {
    return this.#health.current();
  }

  /** Calls `listener` on every event of that name; see {@link OutboxRelayEvents}. */
  on<Name extends keyof OutboxRelayEvents>(
    name: Name,
    listener: Listener<OutboxRelayEvents[Name]>,
  ): this {
    this.#events.on(name, listener);
    return this;
  }

  /** Takes back what {@link OutboxRelay.on} did. */
  off<Name extends keyof OutboxRelayEvents>(
    name: Name,
    listener: Listener<OutboxRelayEvents[Name]>,
  ): this {
    this.#events.off(name, listener);
    return this;
  }

  async #end(run: RelayRun, deadlineMs: number): Promise<void> {
    await run.stop(deadlineMs);
    // Unless it was started again meanwhile.
    if (this.#run === undefined) this.#health.stopped();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
