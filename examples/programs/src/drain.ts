/**
 * Owns how a program's consumer comes to its end, and what is told of it. It never decides when.
 */
import type { Consumer } from "millrace";
import { InterruptedError } from "./interruption.ts";
import type { Journal } from "./journal.ts";
import { formatDuration, formatNumber } from "./screen.ts";
import type { Screen } from "./screen.ts";

/** Where nobody looks on any more. */
const unwatchedMs = 3_000;

export interface DrainOptions {
  readonly consumer: Consumer;
  readonly journal: Journal;
  readonly screen: Screen;
  /** The program's, aborted or not. */
  readonly signal: AbortSignal;
  /**
   * How long what the handlers have begun may take, in ms. Default 30,000; 3,000 at most where nobody looks on any
   * more. The stop takes up to 16 seconds more than that.
   */
  readonly deadlineMs?: number | undefined;
}

/** Stops the consumer; what its handlers have begun they may finish, soon where nobody looks on any more. */
export async function drain(options: DrainOptions): Promise<void> {
  const { consumer, journal, screen, signal, deadlineMs = 30_000 } = options;
  const unwatched = signal.reason instanceof InterruptedError && !signal.reason.watched;
  const { inHand } = consumer.stats();
  if (inHand > 0) {
    const text = `stopping, with ${formatNumber(inHand)} in hand; once more Ctrl-C leaves at once`;
    screen.line("consumer", text, "quiet");
  }
  const { finished, released, abandoned, leftBehind, durationMs } = await consumer.stop({
    deadlineMs: unwatched ? Math.min(unwatchedMs, deadlineMs) : deadlineMs,
  });
  journal.flush();
  const parts = [`finished ${finished}`, `released ${released}`];
  if (abandoned > 0) parts.push(`abandoned ${abandoned}`);
  if (leftBehind > 0) parts.push(`left behind ${leftBehind}`);
  const text = `stopped within ${formatDuration(durationMs)}: ${parts.join(", ")}`;
  screen.line("consumer", text, "quiet");
}
