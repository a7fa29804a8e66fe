/**
 * Owns `npm run sender`: the sending half by itself, to any queue. It needs no database.
 */
import { HttpSqs, Producer, systemClock } from "millrace";
import {
  InterruptedError,
  Journal,
  awsVariables,
  commandLine,
  environmentHelp,
  required,
  run,
} from "programs";
import { tellSent } from "./narration.ts";
import { countOption, rateOption, verboseOption } from "./options.ts";
import { sendHellos } from "./send-hellos.ts";
import { printSummary } from "./summary.ts";

interface Options {
  readonly count?: number;
  readonly rate: number;
  readonly verbose: boolean;
}

const variables = { QUEUE_URL: "the queue's URL, ARN or name" };

const command = commandLine("run sender", "Sends hello world 1, hello world 2, … to the queue.")
  .addOption(countOption("how many to send (default: until Ctrl-C)"))
  .addOption(rateOption())
  .addOption(verboseOption())
  .addHelpText("after", environmentHelp({ ...variables, ...awsVariables }));

/** How long SQS may be out of reach before the sender says so and ends. */
const giveUpAfterMs = 10_000;

await run(command, async ({ screen, signal }) => {
  const { count, rate, verbose } = command.opts<Options>();
  const { QUEUE_URL: queue } = required(variables);
  const startedMs = systemClock.monotonicMs();
  using journal = new Journal({ screen, verbose });
  await using sqs = new HttpSqs();
  await using producer = new Producer<string>({ queue, sqs, retry: { giveUpAfterMs } });
  screen.line("sender", `sending to ${queue}`, "quiet");

  let exitCode = 0;
  try {
    const onSent = (first: number, last: number): void => tellSent(journal, first, last);
    await sendHellos({ producer, count, rate, signal, onSent });
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    if (count !== undefined) ({ exitCode } = error);
  }

  await producer.close();
  journal.flush();
  printSummary(screen, {
    durationMs: systemClock.monotonicMs() - startedMs,
    sent: producer.stats().sent,
    requests: sqs.requestCounts(),
  });
  return exitCode;
});
