/**
 * Owns the queue between web server and workers: a local one, or that of QUEUE_URL, and what it has to be. It never
 * sends or receives.
 */
import type { LocalSqs } from "@millrace/local-sqs";
import { OptionError, parseQueue } from "millrace";
import {
  ChildProgram,
  deadLetterQueueName,
  localQueueVariables,
  queueName,
  RunFailedError,
} from "programs";
import type { Screen } from "programs";

/** How many messages there are in the office's queues, in flight and delayed ones included. */
export async function messagesIn(sqs: LocalSqs): Promise<{ queue: number; deadLetters: number }> {
  const count = async (name: string): Promise<number> => {
    const { Attributes = {} } = await sqs.service.call("GetQueueAttributes", {
      QueueUrl: sqs.queueUrl(name),
      AttributeNames: ["All"],
    });
    const kinds = ["", "NotVisible", "Delayed"] as const;
    return kinds
      .map((kind) => Number(Attributes[`ApproximateNumberOfMessages${kind}`] ?? 0))
      .reduce((sum, some) => sum + some, 0);
  };
  return { queue: await count(queueName), deadLetters: await count(deadLetterQueueName) };
}

/**
 * @throws OptionError for what is no queue, and for a FIFO queue: the outbox gives its messages no group, and
 * reservations for different seats need no order.
 */
export function requireStandardQueue(queue: string): void {
  if (parseQueue(queue).fifo) throw new OptionError("queue", "a standard queue", queue);
}

export interface OpenQueue extends AsyncDisposable {
  /** What other programs find it by. */
  readonly env: Readonly<Record<string, string>> & { readonly QUEUE_URL: string };
  /** Whether it was made for this program: nothing of before is in it. */
  readonly isNew: boolean;
}

/**
 * The queue of QUEUE_URL, which is left as it is, or one in a process of its own that lives as long as this program.
 *
 * @param onLost called when that process ends by itself.
 * @throws OptionError when QUEUE_URL is none that can be used.
 */
export async function openQueue(
  screen: Screen,
  onLost: (error: RunFailedError) => void,
): Promise<OpenQueue> {
  const url = process.env["QUEUE_URL"] ?? "";
  if (url !== "") {
    requireStandardQueue(url);
    screen.line("sqs", "the queue of QUEUE_URL", "quiet");
    return {
      env: { QUEUE_URL: url },
      isNew: false,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const program = new ChildProgram({ file: new URL("./sqs.js", import.meta.url) });
  const { address = "" } = await program.ready;
  void watch(program, onLost);
  screen.line("sqs", `${queueName} at ${address}`, "quiet");
  const env = localQueueVariables(address);
  return { env, isNew: true, [Symbol.asyncDispose]: () => program.kill() };
}

async function watch(
  program: ChildProgram,
  onLost: (error: RunFailedError) => void,
): Promise<void> {
  const exit = await program.exited;
  if (program.asked) return;
  onLost(new RunFailedError(`SQS ended, and its messages with it: ${program.lastWords(exit)}`));
}
