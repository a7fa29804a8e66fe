/**
 * Owns the consumer's counters, from its construction on. It holds no gauges: those are read off the
 * parts that have them.
 */
import type { SqsOperation } from "../sqs/api.ts";

/** What has been counted since the consumer was made; restarts do not reset it. */
export interface Counters {
  /** Deliveries that SQS handed out. */
  received: number;
  /** Handlers started. */
  started: number;
  /** Deliveries whose deletion SQS has confirmed. */
  acknowledged: number;
  /** Deliveries that SQS was told to hand out again later. */
  retried: number;
  /** Deliveries given back unhandled. */
  released: number;
  /** Deliveries whose copy is in the dead-letter queue and whose original is deleted. */
  deadLettered: number;
  /** Runs of the handler that failed: it threw, timed out, or its message's body was refused. */
  failed: number;
  /** Leases that ended before their delivery's outcome was known. */
  leasesLost: number;
  /** Settlements that were given up. */
  settlementsFailed: number;
  /** Polls that were answered. */
  polls: number;
  /** Polls that were answered with nothing. */
  emptyPolls: number;
  /** Polls that failed. */
  pollsFailed: number;
}

/** Calls to SQS by operation; the retries inside an SqsApi are its own to count. */
export type RequestCounts = Readonly<Partial<Record<SqsOperation, number>>>;

/** What `consumer.stats()` answers: a snapshot. */
export interface ConsumerStats extends Readonly<Counters> {
  /** Handlers running now. */
  readonly running: number;
  /**
   * Handlers that were left behind and still run: they ignored their signal for 5 seconds. Their workers have gone on
   * to other messages. It falls when one ends after all, also after a stop.
   */
  readonly leftBehind: number;
  /** Deliveries waiting for a worker now. */
  readonly waiting: number;
  /** Deliveries on their way to where they wait for a worker: their body is being read, or one before them in their lane has not ended. */
  readonly held: number;
  /** Deliveries whose settlement SQS has not confirmed yet. */
  readonly settling: number;
  /** Deliveries in hand: those that are running, waiting, held or settling. */
  readonly inHand: number;
  /** Polls open now. */
  readonly openPolls: number;
  readonly requests: RequestCounts;
}

export function newCounters(): Counters {
  return {
    received: 0,
    started: 0,
    acknowledged: 0,
    retried: 0,
    released: 0,
    deadLettered: 0,
    failed: 0,
    leasesLost: 0,
    settlementsFailed: 0,
    polls: 0,
    emptyPolls: 0,
    pollsFailed: 0,
  };
}
