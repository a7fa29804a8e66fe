/**
 * Owns one of the consumer's loops: takes a delivery, has the handler run, hands the outcome on. It
 * never waits for a settlement, and nothing that user code does ends it.
 */
import type { ReceiveChannel } from "../channel/halves.ts";
import type { Clock } from "../clock.ts";
import type { Delivery } from "./delivery.ts";
import { LeaseLostError } from "./errors.ts";
import type { Handler, HandlerBounds } from "./handler-call.ts";
import { callHandler, contextOf } from "./handler-call.ts";
import type { Judge } from "./judge.ts";
import type { LaneKeeper } from "./lane-keeper.ts";
import type { Logger } from "./logger.ts";
import type { Message } from "./message.ts";
import { nextDelivery } from "./next-delivery.ts";
import type { Reporter } from "./reporter.ts";

export interface WorkerParts<Body> {
  readonly channel: ReceiveChannel<Delivery>;
  readonly handle: Handler<Body>;
  /** The message with its body parsed; it throws or rejects when the body is refused. */
  readonly read: (delivery: Delivery) => Message<Body> | Promise<Message<Body>>;
  readonly bounds: HandlerBounds;
  readonly judge: Judge;
  readonly reporter: Reporter;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Called whenever the worker is about to wait for a delivery. */
  readonly onIdle: () => void;
  /** Undefined where no order is kept. */
  readonly lanes: LaneKeeper | undefined;
}

/** A worker, numbered from 1. */
export class Worker<Body> {
  readonly number: number;
  readonly #parts: WorkerParts<Body>;

  constructor(number: number, parts: WorkerParts<Body>) {
    this.number = number;
    this.#parts = parts;
  }

  /** Works until the channel ends; resolves when the last handler has ended, or was left behind. Never rejects. */
  async work(): Promise<void> {
    const { channel, onIdle, lanes } = this.#parts;
    for (;;) {
      const delivery = await nextDelivery(channel, onIdle);
      if (delivery === undefined) return;
      // Lost while it waited in the channel, or released by a stop in the moment it was handed over.
      if (delivery.state !== "waiting") continue;
      try {
        await this.#run(delivery);
      } catch (error) {
        this.#failed(delivery, error);
      }
      lanes?.runEnded(delivery);
    }
  }

  /** User code is contained further down; what comes here is a defect of ours, and must not end the loop. */
  #failed(delivery: Delivery, error: unknown): void {
    const { reporter, logger } = this.#parts;
    logger.error("a worker failed; its message will come again", { error });
    if (delivery.state !== "running") return;
    const lost = new LeaseLostError(delivery.message.id, "its worker failed", { cause: error });
    delivery.lose(lost);
    reporter.leaseLost(delivery, lost);
  }

  async #run(delivery: Delivery): Promise<void> {
    const { clock, bounds, judge, reporter, logger } = this.#parts;
    delivery.run(this.number);
    reporter.started(delivery);
    const startedAtMs = clock.monotonicMs();
    let bodyRefused = false;
    const end = await callHandler(
      delivery,
      () => this.#handle(delivery, () => (bodyRefused = true)),
      bounds,
    );
    const verdict = judge.verdict(delivery, end, bodyRefused);
    if (verdict?.error !== undefined) reporter.failed(delivery, verdict.error, verdict.outcome);
    // A listener of `failed` may have taken so long that the lease is over by now.
    if (verdict !== undefined && delivery.state === "running") {
      delivery.settle(verdict.outcome, clock.monotonicMs() - startedAtMs);
    } else if (end.how === "threw" && end.thrown !== delivery.abortReason) {
      logger.warn("a handler threw after its message was lost", { error: end.thrown });
    }
  }

  async #handle(delivery: Delivery, onBodyRefused: () => void): Promise<unknown> {
    const { handle, read, logger } = this.#parts;
    let message: Message<Body>;
    try {
      const reading = read(delivery);
      // Most schemas answer at once: then so does the handler start.
      message = reading instanceof Promise ? await reading : reading;
    } catch (error) {
      onBodyRefused();
      throw error;
    }
    delivery.setMessage(message);
    // A schema may take so long that the message is somebody else's by now, or the consumer has stopped.
    if (delivery.abortReason !== undefined) throw delivery.abortReason;
    return handle(message, contextOf(delivery, this.number, logger));
  }
}
