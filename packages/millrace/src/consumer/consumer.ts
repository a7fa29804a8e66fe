/**
 * Owns what users hold: the options, the events, the counters and the health, across starts and stops.
 * It does none of the work; each start makes a pipeline that does.
 */
import { OptionError, toError } from "../errors.ts";
import { Emitter } from "../events.ts";
import type { Listener } from "../events.ts";
import { checkOptionNames } from "../option-checks.ts";
import type { SqsApi, SqsOperation } from "../sqs/api.ts";
import { HttpSqs } from "../sqs/http-sqs.ts";
import type { ConsumerEvents } from "./consumer-events.ts";
import { CountingSqs } from "./counting-sqs.ts";
import { ConsumerStoppedError } from "./errors.ts";
import { ManagedRun } from "./handler-lifecycle.ts";
import type { ConsumerHealth } from "./health.ts";
import { Health } from "./health.ts";
import { LeftBehind } from "./left-behind.ts";
import { readOptions } from "./options.ts";
import type { ConsumerOptions, ConsumerSettings } from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import { setUpQueue } from "./queue-setup.ts";
import { Reporter } from "./reporter.ts";
import type { Drained, StopReport } from "./shutdown.ts";
import { newCounters } from "./statistics.ts";
import type { ConsumerStats } from "./statistics.ts";

/** Options of {@link Consumer.stop}. */
export interface StopOptions {
  /** How long running handlers may go on, in ms, 0 or more. Default 30,000. */
  readonly deadlineMs?: number | undefined;
}

/** How SQS is reached; `close` lets go of what was made for it. */
interface Client {
  readonly sqs: SqsApi;
  readonly close: () => Promise<void>;
}

/** One start, until its stop. */
interface Run<Body> {
  readonly abort: AbortController;
  readonly started: Promise<void>;
  readonly client: Client;
  readonly handler: ManagedRun;
  /** Set once the queue is known. */
  pipeline: Pipeline<Body> | undefined;
  /** Written by pause and resume, which may come before the pipeline. */
  paused: boolean;
}

const stopOptions: ReadonlySet<string> = new Set<keyof StopOptions>(["deadlineMs"]);

function deadlineOf(options: StopOptions): number {
  checkOptionNames(options, stopOptions);
  const { deadlineMs = 30_000 } = options;
  if (typeof deadlineMs === "number" && deadlineMs >= 0) return deadlineMs;
  throw new OptionError("deadlineMs", "a number of 0 or more", deadlineMs);
}

const nothing: Drained = { finished: 0, released: 0, abandoned: 0 };

/**
 * Consumes an SQS queue: polls it, runs `handle` on up to `concurrency` messages at once, and settles
 * each: deleted when the handler resolves, made visible again later when it throws.
 *
 * A message is delivered at least once; a handler must stand being called again for one it has done.
 *
 * @example
 * const consumer = new Consumer({
 *   queue: "https://sqs.eu-west-1.amazonaws.com/123456789012/emails",
 *   handle: async (message, { signal }) => {
 *     await sendEmail(message.body, signal);
 *   },
 * });
 * process.once("SIGTERM", () => consumer.stop());
 * await consumer.start();
 */
export class Consumer<Body = string> {
  readonly #settings: ConsumerSettings<Body>;
  readonly #events: Emitter<ConsumerEvents>;
  readonly #counters = newCounters();
  readonly #requests: Partial<Record<SqsOperation, number>> = {};
  readonly #health: Health;
  readonly #reporter: Reporter;
  readonly #leftBehind: LeftBehind;
  /** Set by start, unset by stop or when the start fails. */
  #run: Run<Body> | undefined;
  /** Set by stop for as long as it is under way: what it still holds is in the stats. */
  #stopping: Run<Body> | undefined;
  /** The last stop, under way or done. */
  #stopped: Promise<StopReport> | undefined;

  /** @throws OptionError for the first option that cannot work. */
  constructor(
    options: ConsumerOptions<Body> & (string extends Body ? unknown : { readonly schema: object }),
  ) {
    this.#settings = readOptions(options);
    const { clock, logger } = this.#settings;
    this.#events = new Emitter((error, event) =>
      logger.error(`a listener of "${event}" failed`, { error }),
    );
    this.#health = new Health({
      clock,
      onChange: (from, to, reason) => {
        if (to === "failing") logger.error(`the consumer is failing: ${reason ?? ""}`);
        else logger.info(`the consumer is ${to}`, { from, reason });
        this.#events.emit("stateChanged", { from, to, reason });
      },
    });
    this.#leftBehind = new LeftBehind(logger);
    this.#reporter = new Reporter({
      counters: this.#counters,
      events: this.#events,
      health: this.#health,
      logger,
    });
  }

  /**
   * Looks the queue up, makes a first poll that does not wait, and resolves; from then on it consumes.
   * While it runs, calling it again answers the same promise; after a stop it starts anew.
   *
   * @throws SqsError when the queue does not exist, permission is denied, there are no credentials, or
   * SQS cannot be reached; QueueSetupError when the queue's visibility timeout is 0;
   * ConsumerStoppedError when stop is called meanwhile. Nothing runs then.
   */
  start(): Promise<void> {
    this.#run ??= this.#begin(this.#stopped);
    return this.#run.started;
  }

  /**
   * Stops: no more polls, running handlers may go on until the deadline, what no handler has started
   * goes back to the queue, settlements are flushed. Resolves when all of that is done, at most
   * `deadlineMs` and 18 seconds later, 28 where the handler has a stop of its own. Nothing runs then but handlers that
   * ignored their signal for 5 seconds, now or before: they cannot be ended, and the report counts them as
   * `leftBehind`. Calling it again answers the same promise; before start it does nothing.
   *
   * @throws OptionError when `deadlineMs` is no number of 0 or more.
   */
  stop(options: StopOptions = {}): Promise<StopReport> {
    let deadlineMs: number;
    try {
      deadlineMs = deadlineOf(options);
    } catch (error) {
      return Promise.reject(toError(error));
    }
    const run = this.#run;
    if (run !== undefined) {
      this.#run = undefined;
      this.#stopping ??= run;
      this.#stopped = this.#end(run, deadlineMs);
    }
    return this.#stopped ?? Promise.resolve({ ...nothing, leftBehind: 0, durationMs: 0 });
  }

  /**
   * Opens no more polls, until resume or stop; what is in hand, and what an open poll brings, is handled.
   * A start that is under way still makes its first poll. Before start it does nothing.
   */
  pause(): void {
    if (this.#run === undefined) return;
    this.#run.paused = true;
    this.#run.pipeline?.receiver.pause();
  }

  /** Polls again after a pause. */
  resume(): void {
    if (this.#run === undefined) return;
    this.#run.paused = false;
    this.#run.pipeline?.receiver.resume();
  }

  /** A snapshot of what was counted and of what is in hand. */
  stats(): ConsumerStats {
    const pipeline = (this.#stopping ?? this.#run)?.pipeline;
    const {
      running = 0,
      waiting = 0,
      received: held = 0,
      settling = 0,
    } = pipeline?.inHand.counts ?? {};
    return {
      ...this.#counters,
      running,
      leftBehind: this.#leftBehind.count,
      waiting,
      held,
      settling,
      inHand: pipeline?.inHand.size ?? 0,
      openPolls: pipeline?.receiver.openPolls ?? 0,
      requests: { ...this.#requests },
    };
  }

  /** How it is doing, judged now. */
  health(): ConsumerHealth {
    return this.#health.current();
  }

  /** Calls `listener` on every event of that name; see {@link ConsumerEvents}. */
  on<Name extends keyof ConsumerEvents>(
    name: Name,
    listener: Listener<ConsumerEvents[Name]>,
  ): this {
    this.#events.on(name, listener);
    return this;
  }

  /** Takes back what {@link Consumer.on} did. */
  off<Name extends keyof ConsumerEvents>(
    name: Name,
    listener: Listener<ConsumerEvents[Name]>,
  ): this {
    this.#events.off(name, listener);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #begin(previous: Promise<unknown> | undefined): Run<Body> {
    const run: Run<Body> = {
      abort: new AbortController(),
      client: this.#client(),
      handler: new ManagedRun(this.#settings),
      pipeline: undefined,
      paused: false,
      // Deferred by a turn, so that run exists when it begins.
      started: Promise.resolve(previous).then(() => this.#startUp(run)),
    };
    return run;
  }

  #client(): Client {
    const { sqs, clock, random } = this.#settings;
    if (sqs !== undefined) return { sqs, close: () => Promise.resolve() };
    const own = new HttpSqs({ clock, random });
    return { sqs: own, close: () => own.close() };
  }

  async #startUp(run: Run<Body>): Promise<void> {
    const settings = this.#settings;
    const { clock, logger, queue, visibilityTimeoutSeconds } = settings;
    const { signal } = run.abort;
    signal.throwIfAborted();
    this.#warnOfWaiting();
    this.#health.starting();
    const sqs = new CountingSqs(run.client.sqs, this.#requests);
    try {
      const setup = await setUpQueue(sqs, queue, visibilityTimeoutSeconds, logger, clock, signal);
      await run.handler.start(signal);
      // The answer may have been faster than the abort; a pipeline made now would be one that nobody stops.
      signal.throwIfAborted();
      run.pipeline = new Pipeline(settings, sqs, setup, this.#reporter, this.#leftBehind);
      if (run.paused) run.pipeline.receiver.pause();
      await run.pipeline.start();
      signal.throwIfAborted();
      this.#health.running();
    } catch (error) {
      // When a stop is the reason, it does the clearing away.
      if (!signal.aborted) await this.#failStart(run);
      throw error;
    }
  }

  #warnOfWaiting(): void {
    const { concurrency, traits, logger } = this.#settings;
    const { maxConcurrency = Infinity } = traits;
    if (concurrency <= maxConcurrency) return;
    const text = `concurrency is ${concurrency}, and the handler runs ${maxConcurrency} at once: the others wait in it, with handlerTimeoutMs running`;
    logger.warn(text, { concurrency, maxConcurrency });
  }

  async #failStart(run: Run<Body>): Promise<void> {
    await run.pipeline?.stop(0);
    await this.#letGo(run);
    if (this.#run === run) this.#run = undefined;
    this.#health.stopped();
  }

  async #end(run: Run<Body>, deadlineMs: number): Promise<StopReport> {
    const { clock } = this.#settings;
    const startedAtMs = clock.monotonicMs();
    run.abort.abort(new ConsumerStoppedError("the consumer was stopped while it started"));
    // Before the queue is known there is nothing to stop but the start itself.
    const drained = (await run.pipeline?.stop(deadlineMs)) ?? nothing;
    await run.started.catch(() => {}); // Its caller has the error.
    await this.#letGo(run);
    if (this.#stopping === run) this.#stopping = undefined;
    this.#health.stopped();
    return {
      ...drained,
      leftBehind: this.#leftBehind.count,
      durationMs: clock.monotonicMs() - startedAtMs,
    };
  }

  /** Ends what was made for the run, last of all. Also when a stop comes while the start fails, and both do it. */
  async #letGo({ handler, client }: Run<Body>): Promise<void> {
    await handler.stop();
    await client.close();
  }
}
