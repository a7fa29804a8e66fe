/**
 * Owns one consumer of a run and those who look after it: a supervisor that starts it again, an operator
 * who pauses and stops it, and the machine under it that dies. It never judges what the consumer does.
 */
import { Consumer } from "millrace";
import type { ConsumerStats, Message } from "millrace";
import type { VirtualClock } from "millrace/testing";
import { laneAttribute } from "./bodies.ts";
import type { Draw } from "./draw.ts";
import { FaultySqs } from "./faulty-sqs.ts";
import type { Wire } from "./faulty-sqs.ts";
import type { HandlerParts } from "./behaviour.ts";
import { batchHandlerOf, handlerOf } from "./handler.ts";
import type { Log } from "./log.ts";
import { SimulatedProcess } from "./process.ts";
import type { Action, ConsumerPlan, Job, Temper } from "./scenario.ts";
import { limitOf, loggerOf, retryOf, schemaOf, throwingListeners } from "./user-code.ts";

/** What all actors of a run share. */
export interface Stage {
  readonly clock: VirtualClock;
  readonly log: Log;
  readonly wire: Wire;
  readonly queueUrl: string;
  readonly queueVisibilitySeconds: number;
  readonly fifo: boolean;
  readonly temper: Temper;
  /** How often each job went wrong so far. */
  readonly troubles: Map<number, number>;
  readonly job: (number: number) => Job | undefined;
  readonly rough: () => boolean;
  readonly nextRun: () => number;
  readonly nextConsumer: () => number;
}

/** How long a supervisor waits before it starts a consumer again whose start failed. */
const restartMs = 1_000;

export class Actor {
  readonly #stage: Stage;
  readonly #plan: ConsumerPlan;
  readonly #draw: Draw;
  #number: number;
  #process: SimulatedProcess;
  #consumer: Consumer<unknown>;
  /** Whether somebody wants it to run. Written by start, stop and crash. */
  #wanted = false;
  /** Stops that have not resolved yet. */
  #stopping = 0;
  #paused = false;

  constructor(stage: Stage, plan: ConsumerPlan, draw: Draw) {
    this.#stage = stage;
    this.#plan = plan;
    this.#draw = draw;
    this.#number = plan.number;
    this.#process = new SimulatedProcess(stage.clock, plan.skew);
    this.#consumer = this.#make();
  }

  get number(): number {
    return this.#number;
  }

  get stats(): ConsumerStats {
    return this.#consumer.stats();
  }

  get health(): ReturnType<Consumer<unknown>["health"]> {
    return this.#consumer.health();
  }

  /** Looks at its health, as a probe would. */
  probe(): void {
    if (!this.#process.dead) this.#process.enter(() => this.#probed());
  }

  /** Timers of the consumer's that are set. */
  get timers(): number {
    return this.#process.timers;
  }

  get stopped(): boolean {
    return !this.#wanted && this.#stopping === 0;
  }

  start(): void {
    const { log, clock } = this.#stage;
    const consumer = this.#consumer;
    const number = this.#number;
    this.#wanted = true;
    log.add("startCalled", { consumer: number });
    consumer.start().then(
      () => log.add("startResolved", { consumer: number }),
      (error: unknown) => {
        log.add("startFailed", { consumer: number, error: String(error) });
        // Each failure of one start is told once; whoever called stop wants no other.
        clock.setTimer(() => {
          if (this.#consumer === consumer && this.#wanted) this.start();
        }, restartMs);
      },
    );
    if (this.#paused) this.#setPaused(true);
  }

  /** Resolves when the consumer has stopped, or its process is dead. */
  stop(deadlineMs: number): Promise<void> {
    const { log } = this.#stage;
    const consumer = this.#consumer;
    const number = this.#number;
    const process = this.#process;
    this.#wanted = false;
    this.#paused = false;
    this.#stopping += 1;
    log.add("stopCalled", { consumer: number, deadlineMs });
    return consumer.stop({ deadlineMs }).then(
      ({ finished, released, abandoned }) => {
        if (consumer === this.#consumer) this.#stopping -= 1;
        const { inHand } = consumer.stats();
        const reported = finished + released + abandoned;
        const { timers } = process;
        return log.add("stopResolved", { consumer: number, timers, inHand, reported });
      },
      (error: unknown) => log.add("escaped", { error: `stop() rejected: ${String(error)}` }),
    );
  }

  /** The process dies; its successor, another consumer in another process, starts later. */
  crash(againAfterMs: number): void {
    const { log, clock, nextConsumer } = this.#stage;
    log.add("crashed", { consumer: this.#number });
    this.#process.kill();
    this.#number = nextConsumer();
    this.#wanted = false;
    this.#stopping = 0;
    this.#paused = false;
    this.#process = new SimulatedProcess(clock, this.#plan.skew);
    const successor = this.#make();
    this.#consumer = successor;
    clock.setTimer(() => {
      if (this.#consumer === successor && !this.#wanted) this.start();
    }, againAfterMs);
  }

  act({ what }: Action): void {
    const { clock } = this.#stage;
    switch (what.kind) {
      case "pause":
        this.#process.enter(() => this.#setPaused(true));
        clock.setTimer(() => this.#process.enter(() => this.#setPaused(false)), what.forMs);
        break;
      case "stop":
        this.#process.enter(() => {
          void this.#stopAndStart(what.deadlineMs, what.againAfterMs);
        });
        break;
      case "crash":
        this.crash(what.againAfterMs);
        break;
    }
  }

  /**
   * Whatever was done to it, it runs from now on. Handlers that nobody else would end go with a restart, and
   * so does what a start believes that was denied a look at the queue: that it has no dead-letter queue.
   */
  recover(): void {
    const { temper } = this.#stage;
    const mayHang = temper.hangs && this.#plan.handlerTimeoutMs === undefined;
    this.#process.enter(() => {
      if (!this.#wanted) this.start();
      else if (mayHang || this.#plan.schema) void this.#stopAndStart(1_000, 100);
      this.#setPaused(false);
    });
  }

  async #stopAndStart(deadlineMs: number, againAfterMs: number): Promise<void> {
    const { clock } = this.#stage;
    const consumer = this.#consumer;
    const stopped = this.stop(deadlineMs);
    if (againAfterMs === 0) {
      // At once: the new start waits for the stop.
      if (this.#draw.chance(0.5)) void this.stop(0);
      this.start();
      return;
    }
    await stopped;
    clock.setTimer(() => {
      if (this.#consumer === consumer && !this.#wanted) this.start();
    }, againAfterMs);
  }

  #probed(): void {
    this.#stage.log.add("health", { consumer: this.#number, status: this.health.status });
  }

  #setPaused(paused: boolean): void {
    if (this.#paused === paused && !paused) return;
    this.#paused = paused;
    const { log } = this.#stage;
    log.add(paused ? "paused" : "resumed", { consumer: this.#number });
    if (paused) this.#consumer.pause();
    else this.#consumer.resume();
  }

  #make(): Consumer<unknown> {
    const stage = this.#stage;
    const plan = this.#plan;
    const process = this.#process;
    const { log, rough } = stage;
    const draw = this.#draw.fork();
    const { random } = draw.fork();
    const visibilitySeconds = plan.visibilityTimeoutSeconds ?? stage.queueVisibilitySeconds;
    const { concurrency, prefetch, batches, waitTimeSeconds, handlerTimeoutMs, lanes } = plan;
    log.add("made", {
      consumer: this.#number,
      facts: {
        concurrency,
        prefetch,
        batches,
        waitSeconds: waitTimeSeconds,
        visibilitySeconds,
        handlerTimeoutMs,
        lanes,
        fifo: stage.fifo,
        slowBodies: plan.slowSchema,
        limited: plan.limits,
      },
    });
    const parts: HandlerParts = {
      consumer: this.#number,
      process,
      log,
      draw: draw.fork(),
      temper: stage.temper,
      job: stage.job,
      rough,
      nextRun: stage.nextRun,
      meddle: () => this.#meddle(),
      visibilityMs: visibilitySeconds * 1_000,
      troubles: stage.troubles,
    };
    const consumerNumber = this.#number;
    const limitAnswered = (allowed: number): void =>
      log.add("limitAnswered", { consumer: consumerNumber, allowed });
    const common = {
      queue: stage.queueUrl,
      sqs: new FaultySqs(stage.wire, this.#number, process),
      clock: process.clock,
      random,
      concurrency,
      prefetch,
      waitTimeSeconds,
      visibilityTimeoutSeconds: plan.visibilityTimeoutSeconds,
      handlerTimeoutMs,
      logger: loggerOf(draw.fork(), plan.throwing),
      retry: retryOf(plan, draw.fork(), random, rough),
      orderBy:
        lanes === "key"
          ? ({ attributes }: Pick<Message, "attributes">) => laneOf(attributes)
          : undefined,
      limits: plan.limits ? [limitOf(draw.fork(), rough, limitAnswered)] : undefined,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without a schema the body is a string, which is unknown too
      schema: (plan.schema
        ? schemaOf(draw.fork(), rough, plan.slowSchema ? process : undefined)
        : undefined) as ReturnType<typeof schemaOf>,
    };
    const consumer = new Consumer<unknown>(
      batches === undefined
        ? { ...common, handle: handlerOf(parts) }
        : { ...common, handleBatch: batchHandlerOf(parts, lanes !== "none"), batch: batches },
    );
    if (plan.throwing) throwingListeners(consumer, draw.fork());
    return consumer;
  }

  /** What a handler may do to its own consumer. */
  #meddle(): void {
    if (this.#draw.chance(0.5)) {
      this.#setPaused(true);
      this.#stage.clock.setTimer(() => this.#process.enter(() => this.#setPaused(false)), 500);
    } else void this.#stopAndStart(1_000, 100);
  }
}

function laneOf(attributes: Message["attributes"]): string | undefined {
  const lane = attributes[laneAttribute];
  return typeof lane === "string" ? lane : undefined;
}
