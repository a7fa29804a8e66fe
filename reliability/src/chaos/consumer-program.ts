/**
 * Owns a consumer in a process of its own, as a service would run it: it consumes until SIGTERM, then ends by
 * itself. It never outlives the process that started it.
 */
import { once } from "node:events";
import { Consumer, HttpSqs, SqsError, exponentialBackoff, sleep, systemClock } from "millrace";
import type { HandlerContext, Logger, Message, Random } from "millrace";
import { seededRandom } from "millrace/testing";
import { tellParent } from "programs";
import { isConsumerJob } from "./consumer-job.ts";
import type { ConsumerFigures, ConsumerJob } from "./consumer-job.ts";
import { Ledger } from "./ledger.ts";
import { readNumbered } from "./numbered.ts";
import { temporaryCredentials } from "./temporary-credentials.ts";

/** How long handlers may go on after SIGTERM. */
const stopDeadlineMs = 3_000;
const startRetryMs = 200;
/** How long after its message a row is written, at most, where that fault is planted: so long that a kill always comes before some. */
const plantedMs = 1_000;

const orphanedExitCode = 3;

/** Faults are daily bread here; what is to be known of them the soak counts itself. */
const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

class PretendedError extends Error {}

const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());
process.once("disconnect", leave);

const [job]: unknown[] = await once(process, "message");
if (!isConsumerJob(job)) throw new TypeError("the first message is no job");
await consume(job, stopping.signal);
process.off("disconnect", leave);
process.disconnect();

/** From its start to its stop; afterwards nothing may be left that keeps the process alive. */
async function consume(settings: ConsumerJob, signal: AbortSignal): Promise<void> {
  const random = seededRandom(settings.seed);
  await using ledger = new Ledger(settings.databaseUrl, settings.concurrency);
  await using sqs = new HttpSqs({
    endpoint: settings.endpoint,
    region: "us-east-1",
    credentials: temporaryCredentials(),
    // Black holes are to cost seconds.
    requestTimeoutMs: 2_000,
    connectTimeoutMs: 1_000,
    random,
  });
  const consumer = new Consumer({
    queue: settings.queueUrl,
    handle: handler(settings, ledger, random),
    concurrency: settings.concurrency,
    prefetch: settings.concurrency,
    waitTimeSeconds: 2,
    visibilityTimeoutSeconds: settings.visibilityTimeoutSeconds,
    retry: exponentialBackoff({ baseSeconds: 1, maxSeconds: 3, random }),
    sqs,
    logger: silent,
    random,
  });
  await Promise.race([startThroughFaults(consumer, signal), aborted(signal)]);
  if (!signal.aborted) tellParent({ type: "ready" });
  await aborted(signal);
  await consumer.stop({ deadlineMs: stopDeadlineMs });
  const { received, acknowledged, retried, leasesLost, settlementsFailed, pollsFailed } =
    consumer.stats();
  const figures: ConsumerFigures = {
    type: "stopped",
    received,
    acknowledged,
    retried,
    leasesLost,
    settlementsFailed,
    pollsFailed,
  };
  tellParent(figures);
}

/** Pretends to work, writes its row, and resolves only then; now and then it throws. */
function handler(
  settings: ConsumerJob,
  ledger: Ledger,
  random: Random,
): (message: Message, context: HandlerContext) => Promise<void> {
  const { name, visibilityTimeoutSeconds, workMs, slowShare, failShare, plant } = settings;
  return async (message, { signal }) => {
    const numbered = readNumbered(message.body);
    const slow = random() < slowShare;
    const ms = slow ? visibilityTimeoutSeconds * 1_500 : random() * 2 * workMs;
    await sleep(systemClock, ms, signal);
    if (random() < failShare) throw new PretendedError("before the write");
    if (plant === "acknowledge-before-write") {
      const later = sleep(systemClock, random() * plantedMs).then(() =>
        ledger.record(numbered, name),
      );
      later.catch(ignore);
      return;
    }
    await ledger.record(numbered, name);
    if (random() < failShare) throw new PretendedError("after the write");
  };
}

/** A start rejects when SQS fails it; whoever runs the service would start it again. */
async function startThroughFaults(consumer: Consumer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await consumer.start();
      return;
    } catch (error) {
      if (!signal.aborted && !(error instanceof SqsError)) throw error;
    }
    await sleep(systemClock, startRetryMs, signal).catch(ignore);
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** Whoever started this is gone, and with it SQS and Postgres. */
function leave(): void {
  process.exit(orphanedExitCode);
}

function ignore(): void {}
