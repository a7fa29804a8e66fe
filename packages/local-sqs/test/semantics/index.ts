/**
 * Owns the list of suites: all that is said of SQS's semantics, to be run on any bench. It holds no
 * test itself.
 */
import type { OpenBench } from "../bench.ts";
import { attributesSuite } from "./attributes.suite.ts";
import { batchesSuite } from "./batches.suite.ts";
import { deadLettersSuite } from "./dead-letters.suite.ts";
import { deduplicationSuite } from "./deduplication.suite.ts";
import { delaysAndRetentionSuite } from "./delays-and-retention.suite.ts";
import { disorderSuite } from "./disorder.suite.ts";
import { fairQueuesSuite } from "./fair-queues.suite.ts";
import { fifoSuite } from "./fifo.suite.ts";
import { inFlightLimitSuite } from "./in-flight-limit.suite.ts";
import { limitsSuite } from "./limits.suite.ts";
import { longPollsSuite } from "./long-polls.suite.ts";
import { moveTasksSuite } from "./move-tasks.suite.ts";
import { queuesSuite } from "./queues.suite.ts";
import { receiptHandlesSuite } from "./receipt-handles.suite.ts";
import { visibilitySuite } from "./visibility.suite.ts";

/** Declares every suite, each on benches that `open` opens. */
export function allSuites(open: OpenBench): void {
  longPollsSuite(open);
  visibilitySuite(open);
  receiptHandlesSuite(open);
  delaysAndRetentionSuite(open);
  attributesSuite(open);
  limitsSuite(open);
  batchesSuite(open);
  queuesSuite(open);
  deadLettersSuite(open);
  moveTasksSuite(open);
  fifoSuite(open);
  deduplicationSuite(open);
  fairQueuesSuite(open);
  inFlightLimitSuite(open);
  disorderSuite(open);
}
