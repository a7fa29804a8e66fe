/**
 * Owns `npm run tickets`: SQS, Postgres, the web server and the workers, each in a process of its own, and the
 * order in which they come up and go down. It never takes or decides a reservation.
 */
import { once } from "node:events";
import {
  ChildProgram,
  commandLine,
  environmentHelp,
  openDatabase,
  run,
  RunFailedError,
  wholeNumber,
} from "programs";
import type { Surroundings } from "programs";
import { requireRoom } from "./connections.ts";
import { Crew } from "./crew.ts";
import { requestAgain } from "./office/reservations.ts";
import { openOfficeDatabase } from "./office-database.ts";
import { openQueue } from "./office-queue.ts";
import { drainSeconds, stopWithinMs } from "./patience.ts";

interface Options {
  readonly port: number;
  readonly workers: number;
  readonly concurrency: number;
}

const command = commandLine(
  "run tickets",
  "Starts a ticket office on this machine: SQS, Postgres, a web server and background workers, each in a process of its own, and prints the address of the page.",
)
  .option(
    "--port <port>",
    "port of 127.0.0.1, 0 for any that is free",
    wholeNumber(0, 65_535),
    3000,
  )
  .option("--workers <n>", "worker processes", wholeNumber(1, 20), 2)
  .option("--concurrency <n>", "decisions at once, each worker process", wholeNumber(1, 90), 10)
  .addHelpText(
    "after",
    environmentHelp({
      DATABASE_URL: "a Postgres to use in place of a local one",
      QUEUE_URL: "a queue of SQS to use in place of a local one, with AWS's own variables",
    }),
  );

await run(command, async ({ screen, signal }) => {
  const { port, workers, concurrency } = command.opts<Options>();
  const hasOwnDatabase = (process.env["DATABASE_URL"] ?? "") !== "";
  // It may have more room than a local one.
  if (!hasOwnDatabase) requireRoom({ workers, concurrency });
  const givenUp = new AbortController();
  const giveUp = (error: Error): void => givenUp.abort(error);
  await using sqs = await openQueue(screen, giveUp);
  await using database = await openDatabase({ screen, signal });
  const env = { ...sqs.env, DATABASE_URL: database.url };
  if (sqs.isNew && hasOwnDatabase) await recover(env, { screen, signal });
  const tell = (who: string, how: string): void =>
    screen.line("tickets", `${who} ended: ${how}; another takes its place`, "warning");
  const onGivenUp = ({ message }: Error): void => giveUp(new RunFailedError(message));
  // Its tables are there before the workers come.
  let address: string | undefined;
  await using web = new Crew({
    size: 1,
    onDeath: (_, how) => tell("the web server", how),
    onGivenUp,
    launch: () =>
      new ChildProgram({
        file: new URL("./web.js", import.meta.url),
        args: ["--port", new URL(address ?? `http://localhost:${port}`).port || "80"],
        env,
      }),
  });
  address = (await web.ready(signal))[0]?.address ?? "";
  await using staff = new Crew({
    size: workers,
    onDeath: (place, how) => tell(`worker ${place}`, how),
    onGivenUp,
    launch: (place) =>
      new ChildProgram({
        file: new URL("./worker.js", import.meta.url),
        args: [`--name=worker ${place}`, `--concurrency=${concurrency}`, `--drain=${drainSeconds}`],
        env,
      }),
  });
  await staff.ready(signal);
  screen.text(`\n  ${screen.colors.bold(address)}   the ticket office; Ctrl-C ends it\n`);

  const until = AbortSignal.any([signal, givenUp.signal]);
  if (!until.aborted) await once(until, "abort");
  if (!signal.aborted) throw givenUp.signal.reason;
  // Who comes in last goes out last: what the web server has taken, the workers may still decide.
  await web.stop(stopWithinMs);
  await staff.stop(stopWithinMs);
  return undefined;
});

/** A local queue ends with its program. What was in it then is still undecided in a database that goes on. */
async function recover(
  { QUEUE_URL, DATABASE_URL }: { readonly QUEUE_URL: string; readonly DATABASE_URL: string },
  { screen, signal }: Surroundings,
): Promise<void> {
  const options = { max: 1, applicationName: "tickets: recovery" };
  await using pool = await openOfficeDatabase(DATABASE_URL, options);
  const count = await requestAgain(pool, QUEUE_URL, signal);
  if (count === 0) return;
  const what = `${count.toLocaleString("en-US")} undecided ${count === 1 ? "reservation" : "reservations"} of before`;
  screen.line("tickets", `${what}: to be decided now, by way of the new queue`);
}
