/**
 * Owns one run of a consumer, from start to stop: makes the parts, connects them, and passes each move
 * of a delivery on to those it concerns. It is used once; a consumer that starts again makes another.
 */
import { Channel } from "../channel/channel.ts";
import type { SqsApi } from "../sqs/api.ts";
import { DeadLetterQueue } from "./dead-letter-queue.ts";
import { Delivery } from "./delivery.ts";
import type { DeliveryObserver, DeliveryState } from "./delivery.ts";
import { InHand } from "./in-hand.ts";
import { Judge } from "./judge.ts";
import { LaneKeeper } from "./lane-keeper.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { ConsumerSettings } from "./options.ts";
import { Ordering } from "./order-by.ts";
import { giveBack, stopping } from "./outcome.ts";
import { Permits } from "./permits.ts";
import type { QueueSetup } from "./queue-setup.ts";
import { Receiver } from "./receiver.ts";
import type { Reporter } from "./reporter.ts";
import { Settler } from "./settler.ts";
import { shutDown } from "./shutdown.ts";
import type { StopReport } from "./shutdown.ts";
import { Worker } from "./worker.ts";

/** How long a delete waits for others: on a FIFO queue its group is blocked until it arrives. */
const lingerMs = { standard: 10, fifo: 0 };

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
  readonly #permits: Permits;
  readonly #channel: Channel<Delivery>;
  readonly #workers: readonly Worker<Body>[];
  readonly #settler: Settler;
  readonly #leases: LeaseKeeper;
  /** Undefined where no order is kept. */
  readonly #lanes: LaneKeeper | undefined;
  /** Undefined where no body has to be looked into for its lane. */
  readonly #ordering: Ordering<Body> | undefined;
  /** The workers' loops; set by start. */
  #working: Promise<unknown> = Promise.resolve();

  constructor(
    settings: ConsumerSettings<Body>,
    sqs: SqsApi,
    queue: QueueSetup,
    reporter: Reporter,
  ) {
    const { clock, random, logger, concurrency, prefetch, fifo, orderBy, read } = settings;
    const { url: queueUrl, visibilitySeconds, deadLetterQueueArn } = queue;
    this.#settings = settings;
    this.#reporter = reporter;
    this.#permits = new Permits(concurrency + prefetch);
    this.#channel = new Channel(concurrency + prefetch);
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
    const lanes =
      fifo || orderBy !== undefined
        ? new LaneKeeper({ fifo, forward: (delivery) => this.#forward(delivery) })
        : undefined;
    const ordering =
      lanes !== undefined && orderBy !== undefined
        ? new Ordering({
            orderBy,
            read,
            clock,
            enter: (delivery, key) => lanes.enter(delivery, key),
          })
        : undefined;
    this.#lanes = lanes;
    this.#ordering = ordering;
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
    const judge = new Judge({
      policy: settings.retry,
      fallback: settings.fallbackRetry,
      hasDeadLetterQueue: deadLetterQueueArn !== undefined,
      logger,
    });
    this.#workers = Array.from(
      { length: concurrency },
      (_, index) =>
        new Worker(index + 1, {
          channel: this.#channel.receiver,
          handle: settings.handle,
          read: (delivery) => ordering?.read(delivery) ?? read(delivery.message),
          handlerTimeoutMs: settings.handlerTimeoutMs,
          judge,
          reporter,
          logger,
          clock,
          onIdle: () => this.receiver.wake(),
          onRunEnd: (delivery) => lanes?.runEnded(delivery),
        }),
    );
  }

  /** @throws the first poll's error when the queue is missing or permission is denied. */
  async start(): Promise<void> {
    this.#working = Promise.all(this.#workers.map((worker) => worker.work()));
    await this.receiver.start();
  }

  /** Ends the run; see shutdown.ts for the order. Resolves when nothing of it runs any more. */
  stop(deadlineMs: number): Promise<StopReport> {
    return shutDown(
      {
        clock: this.#settings.clock,
        receiver: this.receiver,
        channel: this.#channel.receiver,
        working: this.#working,
        inHand: this.inHand,
        ordering: this.#ordering,
        settler: this.#settler,
        leases: this.#leases,
        counters: this.#reporter.counters,
      },
      deadlineMs,
    );
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

  /** Sends an admitted delivery to its lane, or to the workers where no order is kept. */
  #send(delivery: Delivery): void {
    if (this.#ordering !== undefined) this.#ordering.accept(delivery);
    else if (this.#lanes !== undefined) this.#lanes.enter(delivery, delivery.message.groupId);
    else this.#forward(delivery);
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
