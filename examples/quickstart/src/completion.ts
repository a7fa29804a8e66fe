/**
 * Owns the question whether a counted run is over: all that was to be sent is in the table, or nothing has
 * moved for too long. It never ends anything itself.
 */
import { sleep, systemClock } from "millrace";
import type { Clock, Consumer, Producer } from "millrace";
import { RunFailedError, formatNumber } from "programs";
import type { MessagesTable } from "./messages-table.ts";

export interface CompletionOptions {
  readonly count: number;
  readonly producer: Producer<string>;
  readonly consumer: Consumer;
  readonly table: MessagesTable;
  /** How long nothing may move while something is on its way, in ms. */
  readonly giveUpAfterMs: number;
  readonly signal: AbortSignal;
  /** Called several times a second. */
  readonly onProgress: (sent: number, processed: number) => void;
  readonly clock?: Clock | undefined;
}

const lookEveryMs = 50;

/**
 * Resolves when each of the greetings 1 to `count` is a row.
 *
 * @throws RunFailedError when no message was sent or processed for `giveUpAfterMs`; the signal's reason.
 */
export async function untilAllAreRows(options: CompletionOptions): Promise<void> {
  const { count, producer, consumer, table, giveUpAfterMs, signal, onProgress } = options;
  const { clock = systemClock } = options;
  let movedMs = clock.monotonicMs();
  let seen = -1;
  for (;;) {
    const { sent } = producer.stats();
    const { acknowledged: processed } = consumer.stats();
    onProgress(sent, processed);
    // The database has the last word: a message can be delivered, and counted, twice.
    if (processed >= count && (await table.missing(count)) === 0) return;

    const nowMs = clock.monotonicMs();
    const nothingOnItsWay = processed >= sent && sent < count;
    if (sent + processed !== seen || nothingOnItsWay) {
      seen = sent + processed;
      movedMs = nowMs;
    } else if (nowMs - movedMs >= giveUpAfterMs) {
      const missing = formatNumber(await table.missing(count));
      throw new RunFailedError(
        `nothing was stored for ${giveUpAfterMs / 1_000} s, and ${missing} of ${formatNumber(count)} are still missing`,
      );
    }
    await sleep(clock, lookEveryMs, signal);
  }
}
