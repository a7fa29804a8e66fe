/**
 * Owns `npm run local`: SQS and Postgres in the foreground, until Ctrl-C. It never sends or receives.
 */
import { once } from "node:events";
import { startLocalPostgres } from "@millrace/local-postgres";
import {
  commandLine,
  localQueueVariables,
  queueName,
  run,
  startLocalQueue,
  wholeNumber,
} from "programs";

interface Options {
  readonly sqsPort: number;
  readonly postgresPort: number;
}

const port = wholeNumber(0, 65_535);

const command = commandLine(
  "run local",
  `Starts SQS, with the queue ${queueName} and its dead-letter queue, and Postgres 18 on this machine, and prints what to export so that other programs find them. Both are empty at each start, and end with Ctrl-C.`,
)
  .option("--sqs-port <port>", "port of SQS, 0 for any that is free", port, 9324)
  .option("--postgres-port <port>", "port of Postgres, 0 for any that is free", port, 54_324);

await run(command, async ({ screen, signal }) => {
  const { sqsPort, postgresPort } = command.opts<Options>();
  await using server = await startLocalQueue({ port: sqsPort });
  screen.line("sqs", `${server.endpoint}, taking any credentials`);
  await using postgres = await startLocalPostgres({ port: postgresPort, durable: false, signal });
  screen.line("postgres", `127.0.0.1:${postgres.port}`);

  const variables = { ...localQueueVariables(server.endpoint), DATABASE_URL: postgres.url };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${value}`);
  screen.text(
    `\nIn another terminal:\n\n${exports.join("\n")}\n\nthen npm run consumer and npm run sender, or npm run tickets:web and npm run tickets:worker; Ctrl-C here ends both servers.\n`,
  );
  if (!signal.aborted) await once(signal, "abort");
  screen.line("local", "stopping", "quiet");
  return undefined;
});
