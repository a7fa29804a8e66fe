/**
 * Owns `npm run consumer`: the receiving half by itself, from any queue into any Postgres. It never creates
 * the queue.
 */
import { once } from "node:events";
import { HttpSqs, systemClock } from "millrace";
import {
  drain,
  Journal,
  awsVariables,
  commandLine,
  environmentHelp,
  required,
  run,
  wholeNumber,
} from "programs";
import { MessagesTable } from "./messages-table.ts";
import { Narration } from "./narration.ts";
import { failOption, verboseOption, workersOption, workOption } from "./options.ts";
import { PretendedWork } from "./pretended-work.ts";
import { storeMessages } from "./store-messages.ts";
import { printSummary } from "./summary.ts";
import { rowsOf } from "./rows-of.ts";

interface Options {
  readonly workers: number;
  readonly fail: number;
  readonly work?: number;
  readonly visibility?: number;
  readonly verbose: boolean;
}

const variables = {
  QUEUE_URL: "the queue's URL, ARN or name",
  DATABASE_URL: "postgres://user:password@host:port/database",
};

const command = commandLine(
  "run consumer",
  "Stores the queue's messages in the table messages, which is created if it is missing, until Ctrl-C.",
)
  .addOption(workersOption())
  .addOption(failOption())
  .addOption(workOption("0"))
  .option(
    "--visibility <seconds>",
    "how long SQS waits for a consumer that has died before it hands its messages to others (default: the queue's own)",
    wholeNumber(1, 43_200),
  )
  .addOption(verboseOption())
  .addHelpText("after", environmentHelp({ ...variables, ...awsVariables }));

await run(command, async ({ screen, signal }) => {
  const { QUEUE_URL: queue, DATABASE_URL: url } = required(variables);
  const { workers, fail, work = 0, visibility, verbose } = command.opts<Options>();
  const startedMs = systemClock.monotonicMs();
  const interrupted = once(signal, "abort");
  using journal = new Journal({ screen, verbose });
  await using table = new MessagesTable(url);
  await using sqs = new HttpSqs();
  await using consumer = storeMessages({
    queue,
    sqs,
    pool: table.pool,
    workers,
    visibilityTimeoutSeconds: visibility,
    pretended: new PretendedWork({ workMs: work, failShare: fail }),
  });
  using narration = new Narration({ consumer, journal });
  narration.begin();
  await table.open();
  signal.throwIfAborted();
  await Promise.race([consumer.start(), interrupted]);
  if (!signal.aborted)
    screen.line("consumer", `${workers} workers store what comes from ${queue}`, "quiet");
  await interrupted;

  await drain({ consumer, journal, screen, signal });
  const { acknowledged, retried } = consumer.stats();
  printSummary(screen, {
    durationMs: systemClock.monotonicMs() - startedMs,
    processed: acknowledged,
    retried,
    rows: await rowsOf(table),
    requests: sqs.requestCounts(),
  });
  return undefined;
});
