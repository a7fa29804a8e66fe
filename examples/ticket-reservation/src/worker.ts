/**
 * Owns `npm run tickets:worker`: a background worker that decides about reservations, until Ctrl-C. Any number of
 * them, on any number of hosts, share the work.
 */
import { once } from "node:events";
import { Option } from "commander";
import { HttpSqs } from "millrace";
import {
  awsVariables,
  commandLine,
  drain,
  environmentHelp,
  Journal,
  required,
  run,
  tellParent,
  wholeNumber,
} from "programs";
import { workerConnections } from "./connections.ts";
import { decidingConsumer } from "./office/deciding-consumer.ts";
import { DecisionNews } from "./office/decision-news.ts";
import { keepSwept } from "./office/keep-swept.ts";
import { openOfficeDatabase } from "./office-database.ts";
import { serverVariables } from "./variables.ts";

interface Options {
  readonly name: string;
  readonly concurrency: number;
  readonly visibility?: number;
  readonly drain: number;
  readonly unguarded: boolean;
}

const command = commandLine(
  "run tickets:worker",
  "Decides about reservations: takes them from the queue, and stores what becomes of them.",
)
  .option("--name <text>", "how it calls itself", "worker")
  .option("--concurrency <n>", "decisions at once", wholeNumber(1, 90), 10)
  .option(
    "--visibility <seconds>",
    "how long SQS waits for a worker that has died before it hands its messages to others (default: the queue's own)",
    wholeNumber(1, 43_200),
  )
  .option(
    "--drain <seconds>",
    "how long decisions under way may take once it is to end",
    wholeNumber(0, 3_600),
    30,
  )
  .addOption(
    new Option("--unguarded", "without inbox and lock: sells seats twice")
      .default(false)
      .hideHelp(),
  )
  .addHelpText("after", environmentHelp({ ...serverVariables, ...awsVariables }));

await run(command, async ({ screen, signal }) => {
  const { QUEUE_URL: queue, DATABASE_URL: url } = required(serverVariables);
  const { name, concurrency, visibility, unguarded, ...options } = command.opts<Options>();
  const interrupted = once(signal, "abort");
  using journal = new Journal({ screen });
  const news = new DecisionNews(journal, name);
  await using sqs = new HttpSqs();
  await using pool = await openOfficeDatabase(url, {
    max: workerConnections(concurrency),
    applicationName: "tickets worker",
  });
  await using consumer = decidingConsumer({
    queue,
    sqs,
    pool,
    concurrency,
    visibilityTimeoutSeconds: visibility,
    unguarded,
    onDuplicate: news.onDuplicate,
  });
  news.begin(consumer);
  signal.throwIfAborted();
  await Promise.race([consumer.start(), interrupted]);
  tellParent({ type: "ready" });
  const swept = keepSwept(pool, signal);
  await interrupted;
  await drain({ consumer, journal, screen, signal, deadlineMs: options.drain * 1_000 });
  await swept;
  return undefined;
});
