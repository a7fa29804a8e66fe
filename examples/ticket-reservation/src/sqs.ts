/**
 * Owns the local SQS of `npm run tickets`, which starts it, in a process of its own. It never sends or receives.
 */
import { once } from "node:events";
import { commandLine, run, startLocalQueue, tellParent } from "programs";

const command = commandLine(
  "run tickets, its SQS",
  "Starts SQS on this machine, on any port that is free, with the queues of the ticket office.",
);

await run(command, async ({ signal }) => {
  await using sqs = await startLocalQueue({ port: 0 });
  tellParent({ type: "ready", address: sqs.endpoint });
  if (!signal.aborted) await once(signal, "abort");
  return undefined;
});
