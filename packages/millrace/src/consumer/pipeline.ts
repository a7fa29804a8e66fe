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
import { LeaseKeeper } from "./lease-keeper.ts";
import type { ConsumerSettings } from "./options.ts";
import { Permits } from "./permits.ts";
import type { QueueSetup } from "./queue-setup.ts";
import { Receiver } from "./receiver.ts";
import type { Reporter } from "./reporter.ts";
import { Settler } from "./settler.ts";
import { shutDown } from "./shutdown.ts";
import type { StopReport } from "./shutdown.ts";
import { Worker } from "./worker.ts";

/**
 *     SQS ──▶ Receiver ──▶ Channel ──▶ Worker × N ──▶ Settler ──▶ SQS
 *               ▲                                        │
 *               └───────────────── Permits ◀─────────────┘
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
  /** The workers' loops; set by start. */
  #working: Promise<unknown> = Promise.resolve();

  constructor(
    settings: ConsumerSettings<Body>,
    sqs: SqsApi,
    queue: QueueSetup,
    reporter: Reporter,
  ) {
    const { clock, random, logger, concurrency, prefetch } = settings;
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
    this.receiver = new Receiver({
      sqs,
      queueUrl,
      waitTimeSeconds: settings.waitTimeSeconds,
      visibilitySeconds,
      limits: settings.limits,
      permits: this.#permits,
      channel: this.#channel.sender,
      admit: (received, askedAtMs) => {
        const leaseFromMs = this.#leases.beganAtMs(askedAtMs);
        const delivery = new Delivery(received, queueUrl, leaseFromMs, visibilitySeconds, this);
        this.inHand.add(delivery);
        this.#leases.keep(delivery);
        return delivery;
      },
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
          read: settings.read,
          handlerTimeoutMs: settings.handlerTimeoutMs,
          judge,
          reporter,
          logger,
          clock,
          onIdle: () => this.receiver.wake(),
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
        workers: this.#workers,
        working: this.#working,
        inHand: this.inHand,
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
    if (left) {
      this.#permits.give(1);
      this.receiver.wake();
    }
  }
}
