/**
 * Owns the local SQS as a whole: its options, its queues, and which operation is answered by which
 * part. It never does I/O and never reads a clock or draws chance but those it was given.
 */
import { systemClock, systemRandom, SqsServiceError } from "millrace";
import type {
  Clock,
  Random,
  SqsApi,
  SqsCallOptions,
  SqsInput,
  SqsOperation,
  SqsOutput,
} from "millrace";

/** Options of {@link SqsService}. */
export interface SqsServiceOptions {
  /** Time. Default {@link systemClock}; simulations pass a virtual one. */
  readonly clock?: Clock | undefined;
  /** Chance: ids, reordering, duplicates. Default {@link systemRandom}; simulations pass a seeded one. */
  readonly random?: Random | undefined;
  /** Default `us-east-1`. Part of every ARN. */
  readonly region?: string | undefined;
  /** Twelve digits, default `000000000000`. Part of every ARN and queue URL. */
  readonly accountId?: string | undefined;
  /** What queue URLs begin with. Default `http://127.0.0.1:9324`. */
  readonly origin?: string | undefined;
  /** Whether standard queues hand messages out in any order. Default false. */
  readonly reorder?: boolean | undefined;
  /** The share of deliveries of standard queues that come twice, 0 to 1. Default 0. */
  readonly duplicateRate?: number | undefined;
}

/** Amazon SQS as a pure state machine. */
export class SqsService implements SqsApi {
  /** What the URLs of queues begin with. An HTTP front sets it once its port is known. */
  origin: string;
  readonly clock: Clock;
  readonly random: Random;

  constructor(options: SqsServiceOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.origin = options.origin ?? "http://127.0.0.1:9324";
  }

  call<O extends SqsOperation>(
    operation: O,
    _input: SqsInput<O>,
    _options?: SqsCallOptions,
  ): Promise<SqsOutput<O>> {
    return Promise.reject(
      new SqsServiceError({
        operation,
        errorName: "UnsupportedOperation",
        text: "not yet",
        statusCode: 400,
        senderFault: true,
      }),
    );
  }

  /** How many receives wait for a message now, at one queue or at all. */
  waitingReceives(_queueUrl?: string): number {
    return 0;
  }

  /** The URLs of all queues, in order of creation. */
  queueUrls(): string[] {
    return [];
  }

  /** Answers waiting receives with nothing and cancels every timer. Calls after it are refused. */
  close(): void {}
}
