/**
 * Owns `npm start`: the whole main job in one process, with SQS and Postgres of its own. Each half is in a
 * file of its own, send-hellos.ts and store-messages.ts; this one never sends or stores.
 */
import { startLocalSqs } from "@millrace/local-sqs";
import { HttpSqs, Producer, systemClock } from "millrace";
import {
  InterruptedError,
  Journal,
  commandLine,
  drain,
  environmentHelp,
  formatNumber,
  localCredentials,
  localRegion,
  openDatabase,
  queueName,
  run,
  wholeNumber,
} from "programs";
import { untilAllAreRows } from "./completion.ts";
import { MessagesTable } from "./messages-table.ts";
import { Narration, tellSent } from "./narration.ts";
import {
  countOption,
  failOption,
  rateOption,
  verboseOption,
  workersOption,
  workOption,
} from "./options.ts";
import { PretendedWork } from "./pretended-work.ts";
import { progressBar } from "./progress-bar.ts";
import { sendHellos } from "./send-hellos.ts";
import { storeMessages } from "./store-messages.ts";
import { printSummary } from "./summary.ts";
import { rowsOf } from "./rows-of.ts";

interface Options {
  readonly count?: number;
  readonly rate: number;
  readonly workers: number;
  readonly fail: number;
  readonly work?: number;
  readonly giveUpAfter: number;
  readonly verbose: boolean;
}

const command = commandLine(
  "start",
  `Starts SQS and Postgres on this machine, sends hello world 1, hello world 2, … to the queue ${queueName}, and shows workers storing them in the table messages.`,
)
  .addOption(
    countOption(
      "how many to send; ends with exit code 0 when all are rows (default: until Ctrl-C)",
    ),
  )
  .addOption(rateOption())
  .addOption(workersOption())
  .addOption(failOption())
  .addOption(workOption("so long that some workers are busy at that rate"))
  .option(
    "--give-up-after <seconds>",
    "with --count: ends with exit code 1 when nothing is stored for so long",
    wholeNumber(1, 86_400),
    60,
  )
  .addOption(verboseOption())
  .addHelpText(
    "after",
    environmentHelp({ DATABASE_URL: "a Postgres to use in place of a local one" }),
  );

await run(command, async ({ screen, signal }) => {
  const { count, rate, workers, fail, giveUpAfter, verbose, ...options } = command.opts<Options>();
  const { work = watchableWorkMs(rate, workers) } = options;
  using journal = new Journal({ screen, verbose });
  await using server = await startLocalSqs({ port: 0, queues: [queueName] });
  screen.line("sqs", `${queueName} at ${server.endpoint}`, "quiet");
  await using database = await openDatabase({ screen, signal });
  await using table = new MessagesTable(database.url);
  await using sqs = new HttpSqs({
    endpoint: server.endpoint,
    region: localRegion,
    credentials: localCredentials,
  });
  const queue = server.queueUrl(queueName);
  const pretended = new PretendedWork({ workMs: work, failShare: fail });
  await using producer = new Producer<string>({ queue, sqs });
  await using consumer = storeMessages({ queue, sqs, pool: table.pool, workers, pretended });
  using narration = new Narration({ consumer, journal });
  narration.begin();
  await table.open();
  signal.throwIfAborted();
  const startedMs = systemClock.monotonicMs();
  await consumer.start();

  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const onSent = (first: number, last: number): void => tellSent(journal, first, last);
  const onProgress = (sent: number, processed: number): void =>
    screen.status(progressBar(sent, processed, count));
  let failure: unknown;
  try {
    await Promise.all([
      sendHellos({ producer, count, rate, signal: until, onSent }),
      count !== undefined &&
        untilAllAreRows({
          count,
          producer,
          consumer,
          table,
          giveUpAfterMs: giveUpAfter * 1_000,
          signal: until,
          onProgress,
        }),
    ]);
  } catch (error) {
    failure = error;
    over.abort(error);
  }
  screen.status("");
  if (failure === undefined)
    screen.line("done", `all ${formatNumber(count ?? 0)} are rows`, "good");

  await producer.close();
  await drain({ consumer, journal, screen, signal });
  const { acknowledged, retried } = consumer.stats();
  printSummary(screen, {
    durationMs: systemClock.monotonicMs() - startedMs,
    sent: producer.stats().sent,
    processed: acknowledged,
    retried,
    rows: await rowsOf(table),
    requests: sqs.requestCounts(),
  });
  if (failure === undefined) return 0;
  if (!(failure instanceof InterruptedError)) throw failure;
  return count === undefined ? 0 : failure.exitCode;
});

/** With 2.5 workers busy on average there is something to see. Beyond some 100 messages a second there is not. */
function watchableWorkMs(rate: number, workers: number): number {
  const workMs = Math.round((1_000 / rate) * Math.min(2.5, workers / 2));
  return workMs < 20 ? 0 : Math.min(workMs, 2_500);
}
