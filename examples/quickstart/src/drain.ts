/**
 * Owns how a program's consumer comes to its end, and what is told of it. It never decides when.
 */
import type { Consumer } from "millrace";
import type { Journal } from "./journal.ts";
import type { MessagesTable } from "./messages-table.ts";
import { formatDuration, formatNumber } from "./screen.ts";
import type { Screen } from "./screen.ts";

/** Stops `consumer`; what its handlers have begun they may finish. */
export async function drain(consumer: Consumer, journal: Journal, screen: Screen): Promise<void> {
  const { inHand } = consumer.stats();
  if (inHand > 0) {
    const text = `stopping, with ${formatNumber(inHand)} in hand; once more Ctrl-C leaves at once`;
    screen.line("consumer", text, "quiet");
  }
  const { finished, released, abandoned, durationMs } = await consumer.stop();
  journal.flush();
  const parts = [`finished ${finished}`, `released ${released}`];
  if (abandoned > 0) parts.push(`abandoned ${abandoned}`);
  const text = `stopped within ${formatDuration(durationMs)}: ${parts.join(", ")}`;
  screen.line("consumer", text, "quiet");
}

/** The table's rows, for a summary, which is worth having without them too. */
export async function rowsOf(table: MessagesTable): Promise<number | undefined> {
  try {
    return await table.rows();
  } catch {
    return undefined;
  }
}
