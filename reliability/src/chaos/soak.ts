/**
 * Owns one soak from beginning to end: what is started, what is done to it meanwhile, what is looked at in the
 * end. It never judges what it found, and never prints.
 */
import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { HttpSqs, Producer, sleep, systemClock } from "millrace";
import { seededRandom } from "millrace/testing";
import type { ConsumerJob } from "./consumer-job.ts";
import { ConsumerFleet } from "./consumer-fleet.ts";
import { keepKilling, keepRestarting } from "./disturbances.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { evenRates } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import type { Numbered } from "./numbered.ts";
import { queuedMessages, untilEmpty } from "./queued-messages.ts";
import { RestartablePostgres } from "./restartable-postgres.ts";
import { temporaryCredentials } from "./temporary-credentials.ts";
import { Sender } from "./sender.ts";
import type { SoakPlan } from "./soak-plan.ts";
import type { SoakFindings } from "./soak-report.ts";

/** Where a soak is. */
export interface SoakProgress {
  readonly phase: "starting" | "chaos" | "draining" | "finale";
  readonly sent: number;
  /** Messages that are sent and no longer on the queue; a few less when some were sent twice. */
  readonly done: number;
  /** Of consumers so far. */
  readonly kills: number;
  /** Of Postgres so far. */
  readonly restarts: number;
}

export interface SoakWatch {
  /** Ends the soak; what it has started goes down. */
  readonly signal: AbortSignal;
  /** Called several times a second. */
  readonly onProgress?: ((progress: SoakProgress) => void) | undefined;
}

const lookEveryMs = 250;

/**
 * Runs a soak.
 *
 * @throws ConsumerCrashedError when a consumer process ended that was not killed; the signal's reason. What was
 * started is gone then too.
 */
export async function runSoak(plan: SoakPlan, watch: SoakWatch): Promise<SoakFindings> {
  const startedMs = systemClock.monotonicMs();
  const failing = new AbortController();
  const signal = AbortSignal.any([watch.signal, failing.signal]);
  const random = seededRandom(plan.seed);

  await using server = await startServer(plan);
  await using postgres = await RestartablePostgres.start(random, signal);
  await using ledger = new Ledger(postgres.url, 2);
  await ledger.create();
  await using proxy = await FaultProxy.start({
    upstream: server.endpoint,
    rates: evenRates(plan.faultRate),
    random: seededRandom(plan.seed + 1),
  });
  await using sqs = new HttpSqs({
    endpoint: proxy.endpoint,
    region: "us-east-1",
    credentials: temporaryCredentials(),
    requestTimeoutMs: 2_000,
    random: seededRandom(plan.seed + 2),
  });
  const queueUrl = server.queueUrl(queueName(plan));
  const producer = new Producer<Numbered>({ queue: queueUrl, sqs });
  const { messages, chaosMs, lanes, fifo } = plan;
  const firstOfFinale = messages - Math.min(plan.finale, Math.floor(messages / 2)) + 1;
  const sending = { producer, lanes, fifo, signal };
  const chaosSender = new Sender({
    ...sending,
    first: 1,
    last: firstOfFinale - 1,
    overMs: chaosMs * 0.9,
  });
  const finaleSender = new Sender({ ...sending, first: firstOfFinale, last: messages, overMs: 1 });
  const sent = (): number => chaosSender.sent + finaleSender.sent;
  await using fleet = new ConsumerFleet({
    job: (start) => jobOf(plan, start, queueUrl, proxy.endpoint, postgres.url),
    onCrash: (error) => failing.abort(error),
    stopWithinMs: plan.stopWithinMs,
  });

  let phase: SoakProgress["phase"] = "starting";
  const watching = new AbortController();
  const watched = keepTelling(watch, watching.signal, async () => ({
    phase,
    sent: sent(),
    done: Math.max(0, sent() - (await queuedMessages(server.service, queueUrl))),
    kills: fleet.kills,
    restarts: postgres.restarts,
  }));
  try {
    await fleet.consuming();
    signal.throwIfAborted();
    phase = "chaos";
    const chaosOver = new AbortController();
    const chaos = sleep(systemClock, chaosMs, signal).finally(() => chaosOver.abort());
    await allOrAbort(failing, [
      chaos,
      chaosSender.run(),
      keepKilling(fleet, plan, random, chaosOver.signal),
      keepRestarting(postgres, plan, random, signal),
    ]);

    phase = "draining";
    proxy.switchFaults(false);
    const drainedFromMs = systemClock.monotonicMs();
    await fleet.consuming();
    await untilEmpty(server.service, queueUrl, plan.drainWithinMs, signal);
    const drainMs = systemClock.monotonicMs() - drainedFromMs;

    phase = "finale";
    await fleet.stopVictim();
    await finaleSender.run();
    await untilEmpty(server.service, queueUrl, plan.drainWithinMs, signal);
    await fleet.stopSteady();
    signal.throwIfAborted();
    const figures = await ledger.figures(messages);
    const queued = await queuedMessages(server.service, queueUrl);
    const remains = await postgres.end();
    return {
      plan,
      sent: sent(),
      sendFailures: chaosSender.failures + finaleSender.failures,
      ledger: figures,
      faults: proxy.faults(),
      requests: proxy.requests(),
      served: { ...server.requests() },
      kills: fleet.kills,
      restarts: postgres.restarts,
      stops: fleet.stops,
      drainMs,
      durationMs: systemClock.monotonicMs() - startedMs,
      left: {
        messages: queued,
        processes: fleet.alive + remains.processes,
        directories: remains.directories,
      },
    };
  } finally {
    watching.abort();
    await watched;
    // Sends that are under way are of no use to anybody any more.
    await producer.close({ signal: AbortSignal.abort(new Error("the soak is over")) });
  }
}

function queueName({ fifo }: SoakPlan): string {
  return fifo ? "soak.fifo" : "soak";
}

/** SQS as bad as it may be by itself: out of order, and with duplicates, where the queue is a standard one. */
function startServer(plan: SoakPlan): Promise<LocalSqs> {
  return startLocalSqs({
    port: 0,
    random: seededRandom(plan.seed + 3),
    reorder: true,
    duplicateRate: 0.005,
    queues: [
      {
        name: queueName(plan),
        attributes: { VisibilityTimeout: String(plan.visibilityTimeoutSeconds) },
      },
    ],
  });
}

function jobOf(
  plan: SoakPlan,
  start: number,
  queueUrl: string,
  endpoint: string,
  databaseUrl: string,
): ConsumerJob {
  const { concurrency, visibilityTimeoutSeconds, workMs, slowShare, failShare, plant } = plan;
  return {
    type: "job",
    name: `consumer-${start + 1}`,
    seed: plan.seed + 1_000 + start,
    queueUrl,
    endpoint,
    databaseUrl,
    concurrency,
    visibilityTimeoutSeconds,
    workMs,
    slowShare,
    failShare,
    plant,
  };
}

/** As Promise.all, and the first failure ends the others through their signal; all have ended afterwards. */
async function allOrAbort(
  failing: AbortController,
  work: readonly Promise<unknown>[],
): Promise<void> {
  for (const each of work) each.catch((error: unknown) => failing.abort(error));
  await Promise.allSettled(work);
  await Promise.all(work);
}

async function keepTelling(
  { onProgress }: SoakWatch,
  until: AbortSignal,
  progress: () => Promise<SoakProgress>,
): Promise<void> {
  while (!until.aborted) {
    onProgress?.(await progress());
    await sleep(systemClock, lookEveryMs, until).catch(() => {});
  }
}
