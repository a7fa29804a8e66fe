/**
 * Owns the local SQS as a whole: its options, its queues, and which operation is answered by which
 * part. It never does I/O, and reads no clock and draws no chance but those that it was given.
 */
import { systemClock, systemRandom } from "millrace";
import type {
  Clock,
  Random,
  SqsApi,
  SqsCallOptions,
  SqsInput,
  SqsOperation,
  SqsOutput,
} from "millrace";
import { Alarms } from "./alarms.ts";
import { Ids } from "./ids.ts";
import { defaultInFlightLimit } from "./limits.ts";
import { messageOperations } from "./message-operations.ts";
import { moveOperations } from "./move-operations.ts";
import { MoveTasks } from "./move-tasks.ts";
import type { Operations } from "./operations.ts";
import { queueOperations } from "./queue-operations.ts";
import { checkOptions, hasMethods, isWhole } from "./option-rules.ts";
import type { OptionRules } from "./option-rules.ts";
import { QueueRegistry } from "./queue-registry.ts";
import type { Queue, QueueContext } from "./queue.ts";
import { deadLetter } from "./redrive.ts";
import { Refusal, toServiceError } from "./refusal.ts";

/** Options of {@link SqsService}. */
export interface SqsServiceOptions {
  /** Time. Default `systemClock`; tests and simulations pass a virtual one. */
  readonly clock?: Clock | undefined;
  /** Chance: ids, reordering, duplicates. Default `systemRandom`; simulations pass a seeded one. */
  readonly random?: Random | undefined;
  /** Default `us-east-1`. Part of every ARN. */
  readonly region?: string | undefined;
  /** Twelve digits, default `000000000000`. Part of every ARN and queue URL, and the SenderId of messages. */
  readonly accountId?: string | undefined;
  /** What queue URLs begin with, without a slash at its end. Default `http://127.0.0.1:9324`. */
  readonly origin?: string | undefined;
  /**
   * Whether standard queues hand messages out in any order. Default false: the order in which they
   * became visible, which AWS does not promise.
   */
  readonly reorder?: boolean | undefined;
  /**
   * The share of deliveries of standard queues that come a second time, 0 to 1. Default 0. A second
   * delivery has a receipt handle of its own, may come while the first is in flight or after it was
   * deleted, and is not repeated.
   */
  readonly duplicateRate?: number | undefined;
  /** How many messages of one queue can be in flight. Default 120,000, as AWS has it. */
  readonly inFlightLimit?: number | undefined;
}

const defaults = {
  clock: systemClock,
  random: systemRandom,
  region: "us-east-1",
  accountId: "000000000000",
  origin: "http://127.0.0.1:9324",
  reorder: false,
  duplicateRate: 0,
  inFlightLimit: defaultInFlightLimit,
};

/** What the options take. */
export const serviceOptionRules: OptionRules<SqsServiceOptions> = {
  clock: {
    expected: "a Clock",
    holds: (value) => hasMethods(value, ["now", "monotonicMs", "setTimer"]),
  },
  random: { expected: "a function", holds: (value) => typeof value === "function" },
  region: {
    expected: "the name of an AWS region",
    holds: (value) => typeof value === "string" && /^[a-z][a-z\d-]*$/.test(value),
  },
  accountId: {
    expected: "twelve digits",
    holds: (value) => typeof value === "string" && /^\d{12}$/.test(value),
  },
  origin: {
    expected: "a URL without a slash at its end",
    holds: (value) => typeof value === "string" && URL.canParse(value) && !value.endsWith("/"),
  },
  reorder: { expected: "true or false", holds: (value) => typeof value === "boolean" },
  duplicateRate: {
    expected: "a number from 0 to 1",
    holds: (value) => typeof value === "number" && value >= 0 && value <= 1,
  },
  inFlightLimit: {
    expected: "a positive integer",
    holds: (value) => isWhole(value, 1, Number.MAX_SAFE_INTEGER),
  },
};

/**
 * Amazon SQS as a state machine: nothing in it but the clock it was given makes anything happen, and the
 * same calls with the same clock and randomness have the same outcome.
 *
 * `call` is an {@link SqsApi}. It rejects with AWS's errors as `SqsServiceError`, and with the signal's
 * reason after an abort; a receive that is aborted while it waits takes no message. All but waiting
 * receives are done when `call` returns.
 *
 * Where AWS promises little, it is strict: counts are exact, deletion is final, a message is handed out
 * as soon as it may be. `reorder` and `duplicateRate` make standard queues as bad as they can be.
 *
 * @example
 * const service = new SqsService();
 * const { QueueUrl } = await service.call("CreateQueue", { QueueName: "orders" });
 */
export class SqsService implements SqsApi {
  readonly clock: Clock;
  readonly random: Random;
  /** What queue URLs begin with. An HTTP front sets it once its port is known. */
  origin: string;
  readonly #accountId: string;
  readonly #alarms: Alarms;
  readonly #queues: QueueRegistry;
  readonly #operations: Operations<SqsOperation>;
  /** Written by {@link close}. */
  #closed = false;

  /** @throws OptionError */
  constructor(options: SqsServiceOptions = {}) {
    const settings = readOptions(options);
    const { clock, random, accountId } = settings;
    this.clock = clock;
    this.random = random;
    this.origin = settings.origin;
    this.#accountId = accountId;
    const ids = new Ids(random);
    const alarms = new Alarms(clock);
    const queues = new QueueRegistry(settings);
    this.#alarms = alarms;
    this.#queues = queues;
    const queue: QueueContext = {
      clock,
      random,
      alarms,
      ids,
      senderId: accountId,
      reorder: settings.reorder,
      duplicateRate: settings.duplicateRate,
      inFlightLimit: settings.inFlightLimit,
      deadLetter: (from, message) => deadLetter(from, message, queues, clock),
    };
    this.#operations = {
      ...queueOperations({ queue, queues, accountId, urlOf: (each) => this.#urlOf(each) }),
      ...messageOperations(queues),
      ...moveOperations(queues, new MoveTasks({ clock, alarms, ids, queues })),
    };
  }

  call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options?: SqsCallOptions,
  ): Promise<SqsOutput<O>> {
    const signal = options?.signal;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    try {
      if (this.#closed) throw new Refusal("ServiceUnavailable", "The local SQS was closed.");
      if (!Object.hasOwn(this.#operations, operation)) {
        throw new Refusal("UnsupportedOperation", "There is no such operation here.");
      }
      return Promise.resolve(this.#operations[operation](input, signal));
    } catch (error) {
      return Promise.reject(toServiceError(operation, error));
    }
  }

  /** How many receives wait for a message now: at one queue, 0 if there is no such, or in all. */
  waitingReceives(queueUrl?: string): number {
    if (queueUrl !== undefined) {
      return this.#queues.find(queueUrl.slice(queueUrl.lastIndexOf("/") + 1))?.waitingReceives ?? 0;
    }
    let waiting = 0;
    for (const queue of this.#queues) waiting += queue.waitingReceives;
    return waiting;
  }

  /** The URLs of all queues, in order of creation. */
  queueUrls(): string[] {
    return [...this.#queues].map((queue) => this.#urlOf(queue));
  }

  /** Answers waiting receives with nothing and cancels the timer. Later calls reject with ServiceUnavailable. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues) queue.close(undefined);
    this.#alarms.close();
  }

  #urlOf({ name }: Queue): string {
    return `${this.origin}/${this.#accountId}/${name}`;
  }
}

/** @throws OptionError for the first option that cannot work, with the value that was received. */
function readOptions(options: SqsServiceOptions): typeof defaults {
  checkOptions(options, serviceOptionRules);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}
