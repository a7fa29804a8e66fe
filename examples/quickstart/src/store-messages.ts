/**
 * Owns the receiving half of the main job: a consumer whose workers store each message as a row. It never
 * starts or stops; the program that asked for it does.
 */
import { Consumer, exponentialBackoff } from "millrace";
import type { SqsApi } from "millrace";
import type { Pool } from "pg";
import type { PretendedWork } from "./pretended-work.ts";

export interface StoreMessagesOptions {
  /** The queue's URL, ARN or name. */
  readonly queue: string;
  readonly sqs: SqsApi;
  readonly pool: Pool;
  /** Messages stored at once. */
  readonly workers: number;
  /** Default: the queue's own. */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** What makes the demonstration worth watching; a real handler has real work. */
  readonly pretended: PretendedWork;
}

/** Room for two full receives beyond what is being worked on, so that under load every receive asks for ten. */
const prefetch = 20;

/**
 * A message that is delivered twice becomes two rows here: at least once is what SQS promises.
 *
 * @throws OptionError when an option cannot work.
 */
export function storeMessages(options: StoreMessagesOptions): Consumer {
  const { queue, sqs, pool, workers, visibilityTimeoutSeconds, pretended } = options;
  return new Consumer({
    queue,
    sqs,
    concurrency: workers,
    prefetch,
    visibilityTimeoutSeconds,
    retry: exponentialBackoff({ baseSeconds: 1, maxSeconds: 4 }),
    handle: async (message, { signal }) => {
      await pretended.run(signal);
      await pool.query("INSERT INTO messages (message) VALUES ($1)", [message.body]);
    },
  });
}
