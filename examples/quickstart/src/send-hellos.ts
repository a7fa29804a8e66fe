/**
 * Owns the sending half of the main job: numbered greetings at a given rate. It never opens or closes the
 * producer.
 */
import type { Producer } from "millrace";
import { paced } from "./pace.ts";
import type { PaceOptions } from "./pace.ts";

export interface SendHellosOptions extends PaceOptions {
  readonly producer: Producer<string>;
  /** Called when SQS has the greetings from `first` to `last`. */
  readonly onSent: (first: number, last: number) => void;
}

/**
 * Sends `hello world 1`, `hello world 2`, … and resolves after the last; without `count` there is none.
 * Each call of `send` is for one message; the producer makes batches of them.
 *
 * @throws SendFailedError when one could not be sent; the signal's reason.
 */
export async function sendHellos(options: SendHellosOptions): Promise<void> {
  const { producer, onSent } = options;
  for await (const { first, last } of paced(options)) {
    const sends: Promise<unknown>[] = [];
    for (let n = first; n <= last; n++) sends.push(producer.send(`hello world ${n}`));
    await Promise.all(sends);
    onSent(first, last);
  }
}
