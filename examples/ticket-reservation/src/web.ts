/**
 * Owns `npm run tickets:web`: the web server, and the relay that carries what it promises to the queue, until
 * Ctrl-C. It never decides about a reservation.
 */
import { once } from "node:events";
import { HttpSqs } from "millrace";
import { OutboxRelay } from "millrace/postgres";
import {
  awsVariables,
  commandLine,
  environmentHelp,
  Journal,
  required,
  run,
  tellParent,
  wholeNumber,
} from "programs";
import { webConnections } from "./connections.ts";
import { createEvent, evenings } from "./office/events.ts";
import { openOfficeDatabase } from "./office-database.ts";
import { requireStandardQueue } from "./office-queue.ts";
import { serverVariables } from "./variables.ts";
import { ChangeFeed } from "./web/change-feed.ts";
import { listen } from "./web/listen.ts";
import { buildServer } from "./web/server.ts";

interface Options {
  readonly port: number;
}

const command = commandLine(
  "run tickets:web",
  "Serves the page and takes reservations; what it takes goes to the queue through an outbox.",
)
  .option(
    "--port <port>",
    "port of 127.0.0.1, 0 for any that is free",
    wholeNumber(0, 65_535),
    3000,
  )
  .addHelpText("after", environmentHelp({ ...serverVariables, ...awsVariables }));

await run(command, async ({ screen, signal }) => {
  const { QUEUE_URL: queue, DATABASE_URL: url } = required(serverVariables);
  const { port } = command.opts<Options>();
  requireStandardQueue(queue);
  await using pool = await openOfficeDatabase(url, webConnections);
  for (const event of evenings) await createEvent(pool, event);
  await using sqs = new HttpSqs();
  await using relay = new OutboxRelay(pool, { sqs });
  using journal = new Journal({ screen });
  const report = (error: unknown): void => {
    const what = error instanceof Error ? error.message : String(error);
    journal.add({ who: "web", what, tone: "warning", kind: "web troubles", notable: true });
  };
  relay
    .on("failed", ({ error }) => report(error))
    .on("databaseFailed", ({ error }) => report(error));
  await using feed = new ChangeFeed(url, report);
  feed.start();
  await relay.start();
  await using app = await buildServer({ pool, feed, queue, onFault: report });
  signal.throwIfAborted();
  const address = await listen(app, port);
  screen.line("web", address);
  tellParent({ type: "ready", address });
  if (!signal.aborted) await once(signal, "abort");
  screen.line("web", "stopping: requests under way are answered", "quiet");
  return undefined;
});
