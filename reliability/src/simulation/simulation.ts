/**
 * Owns one run: sets up what the scenario says, lets things go wrong, then lets them be mended, and stops
 * everything. It never judges; the checker does, from the log.
 */
import process from "node:process";
import { SqsService } from "@millrace/local-sqs";
import { Producer } from "millrace";
import { VirtualClock } from "millrace/testing";
import { Actor } from "./actor.ts";
import type { Stage } from "./actor.ts";
import { bodyOf, laneAttribute } from "./bodies.ts";
import { Draw } from "./draw.ts";
import { FaultySqs } from "./faulty-sqs.ts";
import type { Wire } from "./faulty-sqs.ts";
import { Log } from "./log.ts";
import { SimulatedProcess } from "./process.ts";
import { isFifo } from "./scenario.ts";
import type { Job, Scenario } from "./scenario.ts";
import { Deliveries } from "./wire-record.ts";

/** How long the queue may take to drain once nothing goes wrong any more: the longest delays, and twice over. */
const drainWithinMs = 3_600_000;
/** How often the health of each consumer is looked at while things go wrong. */
const probeMs = 3_000;
/** How long the idle consumers are watched: polls that fail and settlements that fail count for a minute. */
const idleMs = 130_000;
/** More than a stop with a deadline of 30 s may take. */
const stopWithinMs = 120_000;
/** The longest that something can still be under way. */
const afterglowMs = 60_000;

/** Runs a scenario; answers its log. What nobody catches meanwhile is part of it. */
export async function runScenario(scenario: Scenario): Promise<Log> {
  const simulation = new Simulation(scenario);
  const onEscape = (error: unknown): void =>
    simulation.log.add("escaped", { error: String(error) });
  process.on("unhandledRejection", onEscape);
  try {
    await simulation.run();
  } finally {
    process.off("unhandledRejection", onEscape);
  }
  return simulation.log;
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #clock = new VirtualClock();
  readonly log: Log = new Log(() => this.#clock.monotonicMs());
  readonly #service: SqsService;
  readonly #draw: Draw;
  readonly #wire: Wire;
  /** Calls so far, over all wires. */
  #calls = 0;
  /** Sends that have neither resolved nor failed. */
  #sending = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#draw = new Draw(scenario.seed);
    const { reorder, duplicateRate } = scenario.queue;
    this.#service = new SqsService({
      clock: this.#clock,
      random: this.#draw.fork().random,
      reorder,
      duplicateRate,
    });
    this.#wire = {
      service: this.#service,
      clock: this.#clock,
      log: this.log,
      plan: scenario.faults,
      draw: this.#draw.fork(),
      deliveries: new Deliveries(),
      latencyMs: scenario.latencyMs,
      nextCall: () => (this.#calls += 1),
    };
  }

  async run(): Promise<void> {
    const { consumers, roughMs } = this.#scenario;
    const clock = this.#clock;
    const queues = await this.#makeQueues();
    const stage = this.#stage(queues.url);
    const actors = consumers.map((plan) => new Actor(stage, plan, this.#draw.fork()));
    const { producer, host } = this.#schedule(actors, queues.url);
    await clock.advance(roughMs);
    this.log.add("faultsEnded", { calls: this.#calls });
    for (const actor of actors) actor.recover();
    const undrained = await this.#drain(actors, queues.url);
    await clock.advance(idleMs);
    for (const actor of actors) this.#observe(actor);
    await this.#stop(actors);
    await clock.advance(afterglowMs);
    const deadLettered = await this.#contents(queues.deadUrl);
    const counts = await this.#counts(queues.url);
    void producer.close();
    await clock.settle();
    this.#service.close();
    await clock.settle();
    const timers = actors.reduce((sum, actor) => sum + actor.timers, host.timers);
    this.log.add("ended", { ...counts, deadLettered, timers, undrained });
  }

  async #makeQueues(): Promise<{ readonly url: string; readonly deadUrl: string | undefined }> {
    const { kind, maxReceiveCount, visibilitySeconds } = this.#scenario.queue;
    const suffix = isFifo(kind) ? ".fifo" : "";
    const fifo: Record<string, string> = isFifo(kind) ? { FifoQueue: "true" } : {};
    const service = this.#service;
    let deadUrl: string | undefined;
    let redrive: Record<string, string> = {};
    if (maxReceiveCount !== undefined) {
      const dead = { QueueName: `dead${suffix}`, Attributes: fifo };
      deadUrl = (await service.call("CreateQueue", dead)).QueueUrl ?? "";
      const asked = { QueueUrl: deadUrl, AttributeNames: ["QueueArn"] };
      const { Attributes } = await service.call("GetQueueAttributes", asked);
      const deadLetterTargetArn = Attributes?.["QueueArn"];
      redrive = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) };
    }
    const { QueueUrl: url = "" } = await service.call("CreateQueue", {
      QueueName: `jobs${suffix}`,
      Attributes: { ...fifo, ...redrive, VisibilityTimeout: String(visibilitySeconds) },
    });
    return { url, deadUrl };
  }

  #stage(queueUrl: string): Stage {
    const { jobs, roughMs, temper, queue, consumers } = this.#scenario;
    const byNumber = new Map(jobs.map((job) => [job.number, job]));
    let runs = 0;
    let made = consumers.length;
    return {
      clock: this.#clock,
      log: this.log,
      wire: this.#wire,
      queueUrl,
      queueVisibilitySeconds: queue.visibilitySeconds,
      fifo: isFifo(queue.kind),
      temper,
      troubles: new Map(),
      job: (number) => byNumber.get(number),
      rough: () => this.#clock.monotonicMs() < roughMs,
      nextRun: () => (runs += 1),
      nextConsumer: () => (made += 1),
    };
  }

  /** Sets timers for all that is to happen in the rough time. */
  #schedule(
    actors: readonly Actor[],
    queueUrl: string,
  ): { readonly producer: Producer; readonly host: SimulatedProcess } {
    const { consumers, jobs, actions, roughMs } = this.#scenario;
    const clock = this.#clock;
    for (const [index, { startAtMs }] of consumers.entries()) {
      clock.setTimer(() => actors[index]?.start(), startAtMs);
    }
    const host = new SimulatedProcess(clock, { offsetMs: 0, jumps: [] });
    const producer = new Producer({
      queue: queueUrl,
      sqs: new FaultySqs(this.#wire, "producer", host),
      clock: host.clock,
      random: this.#draw.fork().random,
    });
    for (const job of jobs) clock.setTimer(() => void this.#send(producer, job), job.sendAtMs);
    for (let atMs = probeMs; atMs < roughMs; atMs += probeMs) {
      clock.setTimer(() => actors.forEach((actor) => actor.probe()), atMs);
    }
    for (const action of actions) {
      clock.setTimer(() => actors[action.consumer - 1]?.act(action), action.atMs);
    }
    return { producer, host };
  }

  async #send(producer: Producer, job: Job): Promise<void> {
    const { number, lane, group } = job;
    const isKey = lane !== group;
    this.#sending += 1;
    this.log.add("sendCalled", { job: number, lane });
    try {
      const { messageId } = await producer.send(bodyOf(job), {
        ...(group !== undefined && { groupId: group }),
        ...(isKey && lane !== undefined && { attributes: { [laneAttribute]: lane } }),
      });
      this.log.add("sendResolved", { job: number, messageId });
    } catch (error) {
      this.log.add("sendFailed", { job: number, error: String(error) });
    }
    this.#sending -= 1;
  }

  /** Undefined when all is drained; else what is left. */
  async #drain(actors: readonly Actor[], url: string): Promise<string | undefined> {
    const clock = this.#clock;
    const untilMs = clock.monotonicMs() + drainWithinMs;
    let left = "";
    for (let stepMs = 1_000; clock.monotonicMs() < untilMs; stepMs = Math.min(stepMs * 2, 20_000)) {
      await clock.advance(stepMs);
      const { visible, inFlight, delayed } = await this.#counts(url);
      const inHand = actors.reduce((sum, { stats }) => sum + stats.inHand, 0);
      if (visible + inFlight + delayed + inHand + this.#sending === 0) return undefined;
      left = `${visible} visible, ${inFlight} in flight, ${delayed} delayed, ${inHand} in hand, ${this.#sending} sending`;
    }
    return left;
  }

  #observe(actor: Actor): void {
    const { status, reason } = actor.health;
    const { inHand, openPolls } = actor.stats;
    this.log.add("idle", { consumer: actor.number, status, reason, inHand, openPolls });
  }

  async #stop(actors: readonly Actor[]): Promise<void> {
    const stops = actors.map((actor) => actor.stop(30_000));
    const untilMs = this.#clock.monotonicMs() + stopWithinMs;
    while (!actors.every(({ stopped }) => stopped) && this.#clock.monotonicMs() < untilMs) {
      await this.#clock.advance(Math.min(this.#clock.nextTimerMs() ?? stopWithinMs, stopWithinMs));
    }
    if (actors.every(({ stopped }) => stopped)) await Promise.all(stops);
  }

  async #counts(url: string): Promise<Record<"visible" | "inFlight" | "delayed", number>> {
    const asked = { QueueUrl: url, AttributeNames: ["All"] };
    const { Attributes = {} } = await this.#service.call("GetQueueAttributes", asked);
    return {
      visible: Number(Attributes["ApproximateNumberOfMessages"]),
      inFlight: Number(Attributes["ApproximateNumberOfMessagesNotVisible"]),
      delayed: Number(Attributes["ApproximateNumberOfMessagesDelayed"]),
    };
  }

  /** Empties a queue; the ids of all messages that were in it. */
  async #contents(url: string | undefined): Promise<string[]> {
    const ids: string[] = [];
    if (url === undefined) return ids;
    for (;;) {
      const asked = { QueueUrl: url, MaxNumberOfMessages: 10 };
      const { Messages = [] } = await this.#service.call("ReceiveMessage", asked);
      if (Messages.length === 0) return ids;
      for (const { MessageId = "", ReceiptHandle = "" } of Messages) {
        ids.push(MessageId);
        // Else a group would hand out no more than these.
        await this.#service.call("DeleteMessage", { QueueUrl: url, ReceiptHandle });
      }
    }
  }
}
