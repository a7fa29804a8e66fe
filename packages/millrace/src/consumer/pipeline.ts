/**
 * Owns one run of a consumer, from start to stop: makes the parts, connects them, and passes each move
 * of a delivery on to those it concerns. It is used once; a consumer that starts again makes another.
 */
import { Channel } from "../channel/channel.ts";
import type { SqsApi } from "../sqs/api.ts";
import { BatchWorker } from "./batch-worker.ts";
import { DeadLetterQueue } from "./dead-letter-queue.ts";
import { Delivery } from "./delivery.ts";
import type { DeliveryObserver, DeliveryState } from "./delivery.ts";
import { Gatherer } from "./gatherer.ts";
import { InHand } from "./in-hand.ts";
import { Judge } from "./judge.ts";
import { LaneKeeper } from "./lane-keeper.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { LeftBehind } from "./left-behind.ts";
import type { ConsumerSettings } from "./options.ts";
import type { Message } from "./message.ts";
import { Intake } from "./intake.ts";
import type { LaneKey } from "./order-by.ts";
import { giveBack, stopping } from "./outcome.ts";
import { Permits } from "./permits.ts";
import type { QueueSetup } from "./queue-setup.ts";
import { Receiver } from "./receiver.ts";
import type { Reporter } from "./reporter.ts";
import { Settler } from "./settler.ts";
import { shutDown } from "./shutdown.ts";
import type { Drained } from "./shutdown.ts";
import { Worker } from "./worker.ts";

/** The lane of a FIFO queue's message. */
const byGroup = ({ groupId }: Message<unknown>): LaneKey | undefined => groupId;

/**
 * How long a delete waits for others: long enough for ten where some 800 handlers a second end; on a FIFO queue its
 * group is blocked until it arrives.
 */
const lingerMs = { standard: 12, fifo: 0 };

/**
 *     SQS ──▶ Receiver ──▶ [ lanes ] ──▶ Channel ──▶ Worker × N ──▶ Settler ──▶ SQS
 *               ▲              ▲                                      │
 *               └── Permits ◀──┴──────────────────────────────────────┘
 *
 * Lanes stand between on FIFO queues, and where the consumer orders by a key.
 */
export class Pipeline<Body> implements DeliveryObserver {
  readonly receiver: Receiver;
  readonly inHand: InHand = new InHand();
  readonly #settings: ConsumerSettings<Body>;
  readonly #reporter: Reporter;
  readonly #leftBehind: LeftBehind;
  readonly #permits: Permits;
  readonly #channel: Channel<Delivery>;
  readonly #workers: readonly { work(): Promise<void> }[];
  readonly #settler: Settler;
  readonly #leases: LeaseKeeper;
  /** Undefined where no order is kept. */
  readonly #lanes: LaneKeeper | undefined;
  readonly #intake: Intake<Body>;
  /**
   * Whether bodies are read on the way to the channel, rather than by the workers: a lane is to be found in
   * them, or one that is refused would be in a batch with others.
   */
  readonly #readsAhead: boolean;
  /** The workers' loops; set by start. */
  #working: Promise<unknown> = Promise.resolve();
  /** Set by the first stop: a start that fails and a stop meanwhile may both call it. */
  #stopped: Promise<Drained> | undefined;

  constructor(
    settings: ConsumerSettings<Body>,
    sqs: SqsApi,
    queue: QueueSetup,
    reporter: Reporter,
    leftBehind: LeftBehind,
  ) {
    const { clock, random, logger, concurrency, prefetch, fifo, orderBy, work } = settings;
    const { url: queueUrl, visibilitySeconds, deadLetterQueueArn } = queue;
    this.#settings = settings;
    this.#reporter = reporter;
    this.#leftBehind = leftBehind;
    this.#permits = new Permits(concurrency * work.maxSize + prefetch);
    this.#channel = new Channel(this.#permits.total);
    this.#leases = new LeaseKeeper({
      sqs,
      queueUrl,
      clock,
      random,
      visibilitySeconds,
      inHand: this.inHand,
      lose: (delivery, error) => {
        delivery.lose(error);
        reporter.leaseLost(delivery, error);
      },
      observer: reporter,
    });
    this.#settler = new Settler({
      inHand: this.inHand,
      sqs,
      queueUrl,
      clock,
      random,
      deadLetterQueue:
        deadLetterQueueArn === undefined ? undefined : new DeadLetterQueue(deadLetterQueueArn, sqs),
      lingerMs: fifo ? lingerMs.fifo : lingerMs.standard,
      observer: {
        confirmed: (delivery) => {
          delivery.confirm();
          reporter.settled(delivery);
        },
        givenUp: (delivery, error) => {
          delivery.lose(error);
          reporter.settleFailed(delivery, error);
        },
        troubled: (error) => reporter.settleTroubled(error),
      },
    });
    this.#lanes =
      fifo || orderBy !== undefined
        ? new LaneKeeper({
            fifo,
            forward: (delivery) => this.#forward(delivery),
            broke: (key, outcomeOf) => this.#intake.broke(key, outcomeOf),
          })
        : undefined;
    this.#readsAhead = orderBy !== undefined || "handleBatch" in work;
    const byQueue = fifo ? byGroup : () => undefined;
    this.#intake = new Intake({
      orderBy: orderBy ?? byQueue,
      laneOfRefused: byQueue,
      read: settings.read,
      clock,
      enter: (delivery, key) => this.#enter(delivery, key),
    });
    this.receiver = new Receiver({
      sqs,
      queueUrl,
      waitTimeSeconds: settings.waitTimeSeconds,
      visibilitySeconds,
      limits: settings.limits,
      permits: this.#permits,
      fifo,
      room: () => this.#room(),
      hungry: () => this.#isHungry(),
      admit: (received, askedAtMs) => {
        const leaseFromMs = this.#leases.beganAtMs(askedAtMs);
        const delivery = new Delivery(received, queueUrl, leaseFromMs, visibilitySeconds, this);
        this.inHand.add(delivery);
        this.#leases.keep(delivery);
        return delivery;
      },
      send: (delivery) => this.#send(delivery),
      reporter,
      logger,
      clock,
      random,
    });
    this.#workers = this.#makeWorkers(deadLetterQueueArn !== undefined);
  }

  /** @throws the first poll's error when the queue is missing or permission is denied. */
  async start(): Promise<void> {
    this.#working = Promise.all(this.#workers.map((worker) => worker.work()));
    await this.receiver.start();
  }

  /** Ends the run; see shutdown.ts for the order. Resolves when nothing of it runs any more. The first deadline stands. */
  stop(deadlineMs: number): Promise<Drained> {
    this.#stopped ??= shutDown(
      {
        clock: this.#settings.clock,
        receiver: this.receiver,
        channel: this.#channel.receiver,
        working: this.#working,
        inHand: this.inHand,
        intake: this.#intake,
        settler: this.#settler,
        leases: this.#leases,
        counters: this.#reporter.counters,
      },
      deadlineMs,
    );
    return this.#stopped;
  }

  moved(delivery: Delivery, from: DeliveryState): void {
    const left = this.inHand.follow(delivery, from);
    if (delivery.state === "settling") this.#settler.take(delivery);
    this.#lanes?.follow(delivery, from);
    if (left) {
      this.#permits.give(1);
      this.receiver.wake();
    }
  }

  #makeWorkers(hasDeadLetterQueue: boolean): { work(): Promise<void> }[] {
    const { work, read, retry, fallbackRetry, logger, clock, ...settings } = this.#settings;
    const intake = this.#intake;
    const channel = this.#channel.receiver;
    const onIdle = (): void => this.receiver.wake();
    const common = {
      bounds: {
        clock,
        timeoutMs: settings.handlerTimeoutMs,
        leftBehind: this.#leftBehind,
      },
      judge: new Judge({ policy: retry, fallback: fallbackRetry, hasDeadLetterQueue, logger }),
      lanes: this.#lanes,
      reporter: this.#reporter,
      logger,
      clock,
    };
    let make: (number: number) => { work(): Promise<void> };
    if ("handle" in work) {
      const parts = {
        ...common,
        channel,
        onIdle,
        handle: work.handle,
        read: (delivery: Delivery) =>
          this.#readsAhead ? intake.read(delivery) : read(delivery.message),
      };
      make = (number) => new Worker(number, parts);
    } else {
      const parts = {
        ...common,
        gatherer: new Gatherer({
          ...work,
          channel,
          lanes: this.#lanes,
          isRefused: (delivery) => intake.isRefused(delivery),
          clock,
          onIdle,
        }),
        handleBatch: work.handleBatch,
        read: (delivery: Delivery) => intake.read(delivery),
      };
      make = (number) => new BatchWorker(number, parts);
    }
    return Array.from({ length: settings.concurrency }, (_, index) => make(index + 1));
  }

  /** Sends an admitted delivery to its lane, or to the workers where no order is kept. */
  #send(delivery: Delivery): void {
    if (this.#readsAhead) this.#intake.accept(delivery);
    else this.#enter(delivery, byGroup(delivery.message));
  }

  #enter(delivery: Delivery, key: LaneKey | undefined): void {
    if (this.#lanes === undefined) this.#forward(delivery);
    else this.#lanes.enter(delivery, key);
  }

  #forward(delivery: Delivery): void {
    delivery.wait();
    // Not sent when a stop has cancelled the channel. Full it never is: see #room.
    if (this.#channel.sender.trySend(delivery) !== "sent") delivery.settle(giveBack(stopping));
  }

  /**
   * How many deliveries the channel still has room for. What was lost while it waited has given its permit
   * back, and lies in the channel all the same until a worker steps over it; what waits for its turn is
   * not there yet.
   */
  #room(): number {
    const { capacity, size } = this.#channel.sender;
    return capacity - size - this.inHand.counts.received;
  }

  /** Whether a worker is idle, with nothing on its way to it. */
  #isHungry(): boolean {
    const { size, waitingReceivers } = this.#channel.sender;
    return size === 0 && waitingReceivers > 0;
  }
}
