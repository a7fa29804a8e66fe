/**
 * Owns what consumer tests stand on: the local SQS's state machine, a consumer, and one virtual clock
 * for both. It never waits for real time.
 */
import { SqsService } from "@millrace/local-sqs";
import type { SqsServiceOptions } from "@millrace/local-sqs";
import type {
  Clock,
  ConsumerEvents,
  ConsumerOptions,
  Message,
  SqsApi,
  SqsCallOptions,
  SqsInput,
  SqsOperation,
  SqsOutput,
} from "millrace";
import { Consumer } from "millrace";
import { seededRandom, VirtualClock } from "millrace/testing";
import { expect, onTestFinished } from "vitest";

/** A call as the interceptor saw it. */
export interface Call {
  readonly operation: SqsOperation;
  readonly input: object;
  readonly atMs: number;
  /** When it was answered or failed; undefined while it is open. */
  endedAtMs: number | undefined;
}

/** Stands before the service; `next` makes the call. */
type Interceptor<O extends SqsOperation> = (
  next: () => Promise<SqsOutput<O>>,
  input: SqsInput<O>,
  options: SqsCallOptions,
) => Promise<SqsOutput<O>>;

/** An SqsApi that keeps a log of its calls and lets tests come between. */
export class InterceptedSqs implements SqsApi {
  readonly calls: Call[] = [];
  readonly #next: SqsApi;
  readonly #clock: Clock;
  readonly #interceptors: { [O in SqsOperation]?: Interceptor<O> | undefined } = {};

  constructor(next: SqsApi, clock: Clock) {
    this.#next = next;
    this.#clock = clock;
  }

  call<O extends SqsOperation>(
    operation: O,
    input: SqsInput<O>,
    options: SqsCallOptions = {},
  ): Promise<SqsOutput<O>> {
    const atMs = this.#clock.monotonicMs();
    const call: Call = { operation, input, atMs, endedAtMs: undefined };
    this.calls.push(call);
    const next = (): Promise<SqsOutput<O>> => this.#next.call(operation, input, options);
    const interceptor = this.#interceptors[operation];
    const answer = interceptor === undefined ? next() : interceptor(next, input, options);
    const ended = (): void => {
      call.endedAtMs = this.#clock.monotonicMs();
    };
    answer.then(ended, ended);
    return answer;
  }

  /** From now on calls of `operation` go through `interceptor`; undefined takes the last one away. */
  intercept<O extends SqsOperation>(operation: O, interceptor: Interceptor<O> | undefined): void {
    (this.#interceptors as Record<string, unknown>)[operation] = interceptor;
  }

  of<O extends SqsOperation>(operation: O): (Call & { readonly input: SqsInput<O> })[] {
    return this.calls.filter(
      (call): call is Call & { readonly input: SqsInput<O> } => call.operation === operation,
    );
  }
}

/** A call that is not answered, until it is aborted. */
export function silence({ signal }: SqsCallOptions): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** An event with its name, in the order in which they came. */
export type Told = {
  [Name in keyof ConsumerEvents]: { readonly name: Name } & ConsumerEvents[Name];
}[keyof ConsumerEvents];

const eventNames = [
  "received",
  "started",
  "acknowledged",
  "retried",
  "released",
  "deadLettered",
  "failed",
  "leaseLost",
  "pollFailed",
  "settleFailed",
  "stateChanged",
] as const satisfies readonly (keyof ConsumerEvents)[];

/** Options of a consumer, but for those that the bench sets unless it is told otherwise. */
type BenchOptions<Body> =
  ConsumerOptions<Body> extends infer Options
    ? Options extends { queue: string }
      ? Omit<Options, "queue"> & { queue?: string }
      : never
    : never;

/** One queue of the local SQS, and consumers of it. */
export class Bench {
  readonly clock = new VirtualClock();
  readonly service: SqsService;
  readonly sqs: InterceptedSqs;
  readonly queueUrl: string;
  readonly #consumers: Consumer<never>[] = [];
  /** Whatever a consumer of this bench has logged as an error or a warning. */
  readonly logged: { readonly level: string; readonly message: string; readonly data: unknown }[] =
    [];

  private constructor(service: SqsService, clock: VirtualClock, queueUrl: string) {
    this.clock = clock;
    this.service = service;
    this.sqs = new InterceptedSqs(service, clock);
    this.queueUrl = queueUrl;
  }

  /** Makes a queue `jobs`, or `jobs.fifo`, with these attributes. Ends with the test, and checks that no timer is left. */
  static async open(
    attributes: Record<string, string> = {},
    options: SqsServiceOptions = {},
  ): Promise<Bench> {
    const clock = new VirtualClock();
    const service = new SqsService({ clock, random: seededRandom(1), ...options });
    const { QueueUrl = "" } = await service.call("CreateQueue", {
      QueueName: attributes["FifoQueue"] === "true" ? "jobs.fifo" : "jobs",
      Attributes: attributes,
    });
    const bench = new Bench(service, clock, QueueUrl);
    onTestFinished(async () => {
      const stops = bench.#consumers.map((consumer) => consumer.stop({ deadlineMs: 0 }));
      let stopped = false;
      const all = Promise.all(stops).then(() => (stopped = true));
      if (stops.length > 0) await clock.advanceUntil(() => stopped);
      await all;
      service.close();
      expect(clock.pendingTimers, "timers that are left").toBe(0);
    });
    return bench;
  }

  /** A consumer of the queue, on the bench's clock, with its events written down. */
  consumer<Body = string>(
    options: BenchOptions<Body>,
  ): { readonly consumer: Consumer<Body>; readonly told: Told[] } {
    const log =
      (level: string) =>
      (message: string, data?: object): void => {
        this.logged.push({ level, message, data });
      };
    const consumer = new Consumer<Body>({
      queue: this.queueUrl,
      sqs: this.sqs,
      clock: this.clock,
      random: seededRandom(7),
      logger: { debug: () => {}, info: () => {}, warn: log("warn"), error: log("error") },
      ...options,
    });
    this.#consumers.push(consumer as Consumer<never>);
    const told: Told[] = [];
    for (const name of eventNames) {
      consumer.on(name, (payload) => told.push({ name, ...payload } as Told));
    }
    return { consumer, told };
  }

  /** Starts a consumer on the virtual clock. */
  async start(consumer: { start(): Promise<void> }): Promise<void> {
    await this.run(consumer.start());
  }

  /** Awaits a promise while time passes as it needs. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const settled = promise.then(
      () => (done = true),
      () => (done = true),
    );
    await this.clock.advanceUntil(() => done);
    await settled;
    return promise;
  }

  async send(...texts: string[]): Promise<void> {
    for (const MessageBody of texts) {
      await this.service.call("SendMessage", { QueueUrl: this.queueUrl, MessageBody });
    }
  }

  /** Sends to a group of a FIFO queue, or of a tenant on a standard one. */
  async sendTo(MessageGroupId: string, ...texts: string[]): Promise<void> {
    for (const MessageBody of texts) {
      const fifo = this.queueUrl.endsWith(".fifo");
      await this.service.call("SendMessage", {
        QueueUrl: this.queueUrl,
        MessageBody,
        MessageGroupId,
        ...(fifo && { MessageDeduplicationId: MessageBody }),
      });
    }
  }

  /** Makes a queue `dead`, or `dead.fifo`, to which the queue's messages go after `maxReceiveCount` receives; its URL. */
  async deadLetterQueue(maxReceiveCount = 1_000): Promise<string> {
    const fifo = this.queueUrl.endsWith(".fifo");
    const { QueueUrl = "" } = await this.service.call("CreateQueue", {
      QueueName: fifo ? "dead.fifo" : "dead",
      Attributes: fifo ? { FifoQueue: "true" } : {},
    });
    const { Attributes } = await this.service.call("GetQueueAttributes", {
      QueueUrl,
      AttributeNames: ["QueueArn"],
    });
    const deadLetterTargetArn = Attributes?.["QueueArn"];
    await this.service.call("SetQueueAttributes", {
      QueueUrl: this.queueUrl,
      Attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) },
    });
    return QueueUrl;
  }

  /** Receives all that is visible in a queue, and answers the bodies. */
  async drain(queueUrl: string): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const input = { QueueUrl: queueUrl, MaxNumberOfMessages: 10 };
      const { Messages = [] } = await this.service.call("ReceiveMessage", input);
      if (Messages.length === 0) return found;
      for (const { Body = "" } of Messages) found.push(Body);
    }
  }

  /** Messages in the queue: visible, and in flight. */
  async depth(): Promise<{ visible: number; inFlight: number }> {
    const { Attributes = {} } = await this.service.call("GetQueueAttributes", {
      QueueUrl: this.queueUrl,
      AttributeNames: ["All"],
    });
    return {
      visible: Number(Attributes["ApproximateNumberOfMessages"]),
      inFlight: Number(Attributes["ApproximateNumberOfMessagesNotVisible"]),
    };
  }
}

/** Events of one name. */
export function only<Name extends Told["name"]>(
  told: readonly Told[],
  name: Name,
): Extract<Told, { name: Name }>[] {
  return told.filter((event): event is Extract<Told, { name: Name }> => event.name === name);
}

/** Bodies of the messages in events. */
export function bodies(events: readonly { readonly message: Message<unknown> }[]): unknown[] {
  return events.map(({ message }) => message.body);
}
