/**
 * Owns `npm run local`: SQS and Postgres in the foreground, until Ctrl-C. It never sends or receives.
 */
import { once } from "node:events";
import { startLocalPostgres } from "@millrace/local-postgres";
import { startLocalSqs } from "@millrace/local-sqs";
import { commandLine, run, wholeNumber, localCredentials, localRegion, queueName } from "programs";

interface Options {
  readonly sqsPort: number;
  readonly postgresPort: number;
}

const port = wholeNumber(0, 65_535);

const command = commandLine(
  "run local",
  `Starts SQS, with the queue ${queueName}, and Postgres 18 on this machine, and prints what to export so that other programs find them. Both are empty at each start, and end with Ctrl-C.`,
)
  .option("--sqs-port <port>", "port of SQS, 0 for any that is free", port, 9324)
  .option("--postgres-port <port>", "port of Postgres, 0 for any that is free", port, 54_324);

await run(command, async ({ screen, signal }) => {
  const { sqsPort, postgresPort } = command.opts<Options>();
  await using server = await startLocalSqs({ port: sqsPort, queues: [queueName] });
  screen.line("sqs", `${server.endpoint}, taking any credentials`);
  await using postgres = await startLocalPostgres({ port: postgresPort, durable: false, signal });
  screen.line("postgres", `127.0.0.1:${postgres.port}`);

  const variables = {
    QUEUE_URL: server.queueUrl(queueName),
    DATABASE_URL: postgres.url,
    AWS_ENDPOINT_URL_SQS: server.endpoint,
    AWS_REGION: localRegion,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
  };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${value}`);
  screen.text(
    `\nIn another terminal:\n\n${exports.join("\n")}\n\nthen npm run consumer, npm run sender; Ctrl-C here ends both servers.\n`,
  );
  if (!signal.aborted) await once(signal, "abort");
  screen.line("local", "stopping", "quiet");
  return undefined;
});
