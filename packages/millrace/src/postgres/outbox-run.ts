/**
 * Owns one run of the relay, from its start to its stop: the connection, the rounds on it, the pauses between
 * them. It never looks at a message; the rounds do.
 */
import { setMaxListeners } from "node:events";
import type { Pool } from "pg";
import type { Timer } from "../clock.ts";
import { sleep } from "../clock.ts";
import { toError } from "../errors.ts";
import type { Emitter } from "../events.ts";
import type { SendResult } from "../producer/attempt.ts";
import { fullJitterMs } from "../random.ts";
import { SqsTimeoutError } from "../sqs/errors.ts";
import { DatabaseUnavailableError, RelayStoppedError, statementFailed } from "./errors.ts";
import { withClient } from "./held-client.ts";
import type { HeldClient } from "./held-client.ts";
import type { Ask, LaneCursor } from "./outbox-claim.ts";
import type { OutboxRelayEvents, OutboxRelayStats } from "./outbox-relay-events.ts";
import type { OutboxRelaySettings } from "./outbox-relay-options.ts";
import type { OutboxRow } from "./outbox-row.ts";
import type { RelayHealth } from "./outbox-relay-health.ts";
import { QueueRests } from "./outbox-rests.ts";
import { relayRound } from "./outbox-round.ts";
import type { RoundReport } from "./outbox-round.ts";
import { Senders } from "./outbox-senders.ts";

type Counters = { -readonly [Name in keyof OutboxRelayStats]: number };

/** A statement that takes longer is waiting for a connection that is no more. */
const statementTimeoutMs = 30_000;
/** A connection that takes longer leads to nobody, or the pool has none to give. */
const connectTimeoutMs = 30_000;
/** What a stop leaves the database, beyond its deadline, to say what became of the last round. */
const commitGraceMs = 5_000;
/** One connection, tried every few seconds, is no load, and what a web server took is waiting for it. */
const databaseBackoff = { baseMs: 100, maxMs: 5_000 };

/**
 * | state | meaning | left when |
 * |---|---|---|
 * | connecting | there is no connection | there is one; stop |
 * | working | a round is under way | it has ended: working while there is something to send, else waiting |
 * | waiting | nothing is due, or its queue is left alone | told of a message; the time is over; the connection breaks; stop |
 * | stopped | nothing runs | never |
 */
export class RelayRun {
  /** Resolves after the first round; rejects when there is none. */
  readonly started: Promise<void>;
  readonly #pool: Pool;
  readonly #settings: OutboxRelaySettings;
  readonly #events: Emitter<OutboxRelayEvents>;
  readonly #counters: Counters;
  readonly #health: RelayHealth;
  readonly #senders: Senders;
  readonly #rests: QueueRests;
  readonly #cursor: LaneCursor = { after: "" };
  /** Aborts when no further round is to begin. */
  readonly #stopping = new AbortController();
  /** Aborts when sends are to end. */
  readonly #deadline = new AbortController();
  /** Aborts when the connection is to be given up whatever it does. */
  readonly #abandon = new AbortController();
  #onStarted: () => void = () => {};
  #onFailed: (error: unknown) => void = () => {};
  #hasStarted = false;
  #ended: Promise<void> = Promise.resolve();
  /** Told of a message since the last round began. */
  #told = false;
  /** Ends the wait; set while waiting. */
  #wake: (() => void) | undefined;

  constructor(
    pool: Pool,
    settings: OutboxRelaySettings,
    events: Emitter<OutboxRelayEvents>,
    { counters, health }: { counters: Counters; health: RelayHealth },
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#events = events;
    this.#counters = counters;
    this.#health = health;
    this.#senders = new Senders(settings);
    this.#rests = new QueueRests(settings.clock, settings.random);
    // Every send of a round listens to it.
    setMaxListeners(0, this.#deadline.signal);
    this.started = new Promise((resolve, reject) => {
      this.#onStarted = resolve;
      this.#onFailed = reject;
    });
  }

  /** Begins once the run before has ended. */
  start(previous: Promise<void>): void {
    this.#ended = previous.then(() => this.#work());
  }

  async stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#settings;
    const reason = new RelayStoppedError();
    this.#stopping.abort(reason);
    this.#onFailed(reason);
    this.#wake?.();
    const timers: Timer[] = [
      clock.setTimer(() => this.#deadline.abort(reason), deadlineMs),
      clock.setTimer(() => this.#abandon.abort(reason), deadlineMs + commitGraceMs),
    ];
    await this.#ended;
    for (const timer of timers) timer.cancel();
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    for (let failures = 0; !this.#stopping.signal.aborted;) {
      try {
        // Until it is connected a stop ends it at once; then it is left to end its round.
        await this.#relay(() => {
          failures = 0;
        });
      } catch (thrown) {
        const error = toError(thrown);
        if (this.#stopping.signal.aborted) break;
        if (!this.#hasStarted) {
          this.#onFailed(error);
          break;
        }
        failures += 1;
        await this.#pauseAfter(error, failures);
      }
    }
    await this.#senders.close(this.#deadline.signal);
  }

  /** Connects, and works on the connection until it breaks or the run is stopped. */
  async #relay(onRound: () => void): Promise<void> {
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const timer = this.#settings.clock.setTimer(() => {
      giveUp.abort(new DatabaseUnavailableError(`no connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    const onStop = (): void => giveUp.abort(this.#stopping.signal.reason);
    const onAbandon = (): void => giveUp.abort(this.#abandon.signal.reason);
    this.#stopping.signal.addEventListener("abort", onStop, { once: true });
    this.#abandon.signal.addEventListener("abort", onAbandon, { once: true });
    try {
      await withClient(this.#pool, signal, async (held) => {
        timer.cancel();
        this.#stopping.signal.removeEventListener("abort", onStop);
        // It listens, and is in a transaction most of the time: nobody else's afterwards.
        held.clean = false;
        await this.#workOn(held, onRound);
      });
    } finally {
      timer.cancel();
      this.#stopping.signal.removeEventListener("abort", onStop);
      this.#abandon.signal.removeEventListener("abort", onAbandon);
    }
  }

  async #workOn(held: HeldClient, onRound: () => void): Promise<void> {
    const { client } = held;
    const { pollIntervalMs, batchSize } = this.#settings;
    const onNotification = (): void => {
      this.#told = true;
      this.#wake?.();
    };
    const onBroken = (): void => this.#wake?.();
    client.on("notification", onNotification);
    client.on("error", onBroken);
    try {
      const ask = this.#askOn(held);
      await ask(`LISTEN "${this.#settings.table.name}"`, []);
      while (!this.#stopping.signal.aborted) {
        this.#told = false;
        const { sent, failed } = await this.#round(ask);
        onRound();
        // What failed is due later: there may be more behind it, and it is not met again at once.
        if (sent > 0 || failed >= batchSize) continue;
        await this.#wait(Math.min(pollIntervalMs, this.#rests.nextInMs));
      }
    } finally {
      client.off("notification", onNotification);
      client.off("error", onBroken);
    }
  }

  async #round(ask: Ask): Promise<RoundReport> {
    const { table, batchSize, sendTimeoutMs, clock, random } = this.#settings;
    const { resting } = this.#rests;
    const report = await relayRound(ask, {
      pool: this.#pool,
      table,
      batchSize,
      resting,
      cursor: this.#cursor,
      sendTimeoutMs,
      clock,
      random,
      send: (row) => this.#send(row),
      mayBegin: () => !this.#stopping.signal.aborted,
      deadline: this.#deadline.signal,
      onSent: ({ id, queue, options }, { messageId }) => {
        this.#counters.sent += 1;
        const { idempotencyKey } = options;
        this.#events.emit("sent", { id, queue, idempotencyKey, messageId });
      },
      onFailed: ({ id, queue, options, attempts }, error, retryInMs) => {
        this.#counters.failed += 1;
        const { idempotencyKey } = options;
        const failure = { id, queue, idempotencyKey, error, attempts: attempts + 1, retryInMs };
        this.#settings.logger.warn("a message of the outbox could not be sent", failure);
        this.#events.emit("failed", failure);
      },
    });
    this.#rests.record(report.queues, resting);
    if (report.sent + report.failed > 0) this.#counters.rounds += 1;
    this.#health.roundEnded(report.sent, this.#rests.error);
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      this.#onStarted();
    }
    return report;
  }

  /** A producer waits for an attempt that has begun, however long; a round does not. */
  async #send(row: OutboxRow): Promise<SendResult> {
    const { clock, sendTimeoutMs } = this.#settings;
    const { signal: deadline } = this.#deadline;
    const abort = new AbortController();
    // Not AbortSignal.any: on a signal that lives long it leaves something behind for each send, in Node.js 20.
    const onDeadline = (): void => abort.abort(deadline.reason);
    if (deadline.aborted) onDeadline();
    deadline.addEventListener("abort", onDeadline, { once: true });
    const timer = clock.setTimer(
      () => abort.abort(new SqsTimeoutError("SendMessageBatch", sendTimeoutMs)),
      sendTimeoutMs,
    );
    try {
      return await this.#senders.send(row, abort.signal);
    } finally {
      timer.cancel();
      deadline.removeEventListener("abort", onDeadline);
    }
  }

  /** Statements on the connection, each of which ends, if need be with the connection. */
  #askOn(held: HeldClient): Ask {
    const { clock } = this.#settings;
    return async (sql, values) => {
      let late: DatabaseUnavailableError | undefined;
      const timer = clock.setTimer(() => {
        late = new DatabaseUnavailableError(`no answer within ${statementTimeoutMs} ms`);
        held.destroy();
      }, statementTimeoutMs);
      try {
        return await held.client.query(sql, values);
      } catch (error) {
        throw late ?? statementFailed("the outbox could not be read", error);
      } finally {
        timer.cancel();
      }
    };
  }

  /** Until the time is over, the connection breaks, the run is stopped, or it is told of a message. */
  #wait(ms: number): Promise<void> {
    const { clock } = this.#settings;
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer = clock.setTimer(end, ms);
      this.#wake = end;
      if (this.#stopping.signal.aborted || this.#told) end();
    });
  }

  async #pauseAfter(error: Error, failures: number): Promise<void> {
    const { clock, random, logger } = this.#settings;
    const retryInMs = fullJitterMs(databaseBackoff, failures - 1, random);
    this.#counters.databaseFailures += 1;
    this.#health.databaseFailed(error);
    // Once in a row: it may take long.
    if (failures === 1) logger.error("the outbox cannot be relayed for now", { error });
    this.#events.emit("databaseFailed", { error, failures, retryInMs });
    try {
      await sleep(clock, retryInMs, this.#stopping.signal);
    } catch {
      // A stop: the loop sees it.
    }
  }
}
