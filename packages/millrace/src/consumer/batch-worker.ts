/**
 * Owns one of the loops of a consumer with a batch handler: takes a batch, has the handler run, hands each
 * outcome on. It never waits for a settlement, and nothing that user code does ends it.
 */
import type { Clock } from "../clock.ts";
import { outcomesOf } from "./batch-outcomes.ts";
import { Batch } from "./batch.ts";
import type { Delivery } from "./delivery.ts";
import { LeaseLostError } from "./errors.ts";
import type { Gatherer } from "./gatherer.ts";
import type { BatchHandler, HandlerBounds, HandlerEnd } from "./handler-call.ts";
import { callHandler, contextOf } from "./handler-call.ts";
import type { Judge } from "./judge.ts";
import type { LaneKeeper } from "./lane-keeper.ts";
import type { Logger } from "./logger.ts";
import type { Message } from "./message.ts";
import type { Reporter } from "./reporter.ts";

export interface BatchWorkerParts<Body> {
  readonly gatherer: Gatherer;
  readonly handleBatch: BatchHandler<Body>;
  /** The message with its body parsed; it throws when the body was refused. */
  readonly read: (delivery: Delivery) => Message<Body>;
  readonly bounds: HandlerBounds;
  readonly judge: Judge;
  /** Undefined where no order is kept. */
  readonly lanes: LaneKeeper | undefined;
  readonly reporter: Reporter;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A delivery whose body could be read. */
interface Readable<Body> {
  readonly delivery: Delivery;
  readonly message: Message<Body>;
}

/** A worker of batches, numbered from 1. */
export class BatchWorker<Body> {
  readonly number: number;
  readonly #parts: BatchWorkerParts<Body>;

  constructor(number: number, parts: BatchWorkerParts<Body>) {
    this.number = number;
    this.#parts = parts;
  }

  /** Works until the channel ends; resolves when the last handler has ended, or was left behind. Never rejects. */
  async work(): Promise<void> {
    const { gatherer, lanes } = this.#parts;
    for (;;) {
      const deliveries = await gatherer.next();
      if (deliveries === undefined) return;
      try {
        await this.#run(deliveries);
      } catch (error) {
        this.#failed(deliveries, error);
      }
      for (const delivery of deliveries) lanes?.runEnded(delivery);
    }
  }

  /** User code is contained further down; what comes here is a defect of ours, and must not end the loop. */
  #failed(deliveries: readonly Delivery[], error: unknown): void {
    const { reporter, logger } = this.#parts;
    logger.error("a worker failed; its messages will come again", { error });
    for (const delivery of deliveries) {
      if (delivery.state !== "running") continue;
      const lost = new LeaseLostError(delivery.message.id, "its worker failed", { cause: error });
      delivery.lose(lost);
      reporter.leaseLost(delivery, lost);
    }
  }

  async #run(deliveries: readonly Delivery[]): Promise<void> {
    const { handleBatch, bounds, logger, clock } = this.#parts;
    const started = this.#start(deliveries);
    if (started.length === 0) return;
    const startedAtMs = clock.monotonicMs();
    const batch = new Batch(started.map(({ delivery }) => delivery));
    const messages = started.map(({ message }) => message);
    const end = await callHandler(
      batch,
      async () => handleBatch(messages, contextOf(batch, this.number, logger)),
      bounds,
    );
    const ends = endOfEach(end, started.length, (error) =>
      logger.warn("a promise in the answer of handleBatch rejected", { error }),
    );
    const tookMs = clock.monotonicMs() - startedAtMs;
    for (const [index, { delivery }] of started.entries()) {
      this.#settle(delivery, ends[index] ?? end, false, tookMs);
    }
  }

  /** Starts what may be handled; a body that was refused costs its own message alone. */
  #start(deliveries: readonly Delivery[]): Readable<Body>[] {
    const { read, lanes, reporter } = this.#parts;
    const started: Readable<Body>[] = [];
    for (const delivery of deliveries) {
      // Lost or released since it was gathered.
      if (delivery.state !== "waiting") continue;
      const broken = lanes?.brokenBefore(delivery);
      if (broken !== undefined) {
        delivery.settle(broken);
        continue;
      }
      delivery.run(this.number);
      reporter.started(delivery);
      try {
        const message = read(delivery);
        delivery.setMessage(message);
        started.push({ delivery, message });
      } catch (thrown) {
        this.#settle(delivery, { how: "threw", thrown }, true, 0);
      }
    }
    return started;
  }

  #settle(delivery: Delivery, end: HandlerEnd, bodyRefused: boolean, handlerMs: number): void {
    const { judge, lanes, reporter } = this.#parts;
    const verdict = judge.verdict(delivery, end, bodyRefused);
    if (verdict === undefined) return;
    // Behind one of its lane that failed in this very batch it comes again too, so that they come in order.
    const outcome = lanes?.brokenBefore(delivery) ?? verdict.outcome;
    if (verdict.error !== undefined) reporter.failed(delivery, verdict.error, outcome);
    // A listener of `failed` may have taken so long that the lease is over by now.
    if (delivery.state === "running") delivery.settle(outcome, handlerMs);
  }
}

/** What the end of a batch's handler says of each of its `count` messages. */
function endOfEach(
  end: HandlerEnd,
  count: number,
  onRejected: (error: unknown) => void,
): HandlerEnd[] {
  const same = (each: HandlerEnd): HandlerEnd[] => Array.from({ length: count }, () => each);
  if (end.how !== "returned") return same(end);
  try {
    const values = outcomesOf(end.value, count, onRejected);
    return values?.map((value) => ({ how: "returned", value })) ?? same(end);
  } catch (thrown) {
    return same({ how: "threw", thrown });
  }
}
