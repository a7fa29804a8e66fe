/**
 * Owns a local SQS in a process of its own, whose queue is kept filled until all is sent: its heap is not that
 * of the consumer that is measured. It never outlives the process that started it.
 */
import { once } from "node:events";
import { startLocalSqs } from "@millrace/local-sqs";
import type { LocalSqs } from "@millrace/local-sqs";
import { sleep, systemClock } from "millrace";
import { isFeedJob } from "./feed-job.ts";
import type { FeedJob, FeedNews } from "./feed-job.ts";
import { queuedMessages } from "./queued-messages.ts";

const lookEveryMs = 5;

/** Whoever started this is gone, or has no more use for it. */
process.once("disconnect", () => process.exit());

const [job]: unknown[] = await once(process, "message");
if (!isFeedJob(job)) throw new TypeError("the first message is no job");
await feed(job);

async function feed(settings: FeedJob): Promise<void> {
  const server = await startLocalSqs({ port: 0, queues: ["memory"] });
  const queueUrl = server.queueUrl("memory");
  let sent = 0;
  process.on("message", () => void report(server, queueUrl, sent));
  tell({ type: "open", endpoint: server.endpoint, queueUrl });
  while (sent < settings.messages) {
    const room = settings.backlog - (await queuedMessages(server.service, queueUrl));
    const count = Math.min(10, settings.messages - sent);
    if (room < count) {
      await sleep(systemClock, lookEveryMs);
      continue;
    }
    for (let batch = 0; batch * 10 < room && sent < settings.messages; batch += 1) {
      sent += await sendBatch(server, queueUrl, sent, settings);
    }
  }
}

/** @returns how many. */
async function sendBatch(
  { service }: LocalSqs,
  queueUrl: string,
  sent: number,
  { messages, bodyBytes }: FeedJob,
): Promise<number> {
  const entries = Array.from({ length: Math.min(10, messages - sent) }, (_, index) => ({
    Id: String(index),
    MessageBody: `${sent + index + 1} `.padEnd(bodyBytes, "x"),
  }));
  await service.call("SendMessageBatch", { QueueUrl: queueUrl, Entries: entries });
  return entries.length;
}

async function report(server: LocalSqs, queueUrl: string, sent: number): Promise<void> {
  tell({ type: "report", sent, left: await queuedMessages(server.service, queueUrl) });
}

function tell(news: FeedNews): void {
  process.send?.(news);
}
