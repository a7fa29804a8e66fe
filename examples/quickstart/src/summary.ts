/**
 * Owns the summary at the end of a run. It never counts anything itself.
 */
import type { HttpSqs } from "millrace";
import { formatDuration, formatNumber } from "programs";
import type { Screen } from "programs";

/** What a run did; what a program has no part in is left out. */
export interface Figures {
  readonly durationMs: number;
  /** Messages that SQS has taken. */
  readonly sent?: number;
  /** Messages whose handler succeeded and whose deletion SQS has confirmed. */
  readonly processed?: number;
  readonly retried?: number;
  /** Of the table, all of them; undefined within consuming programs: the database did not answer. */
  readonly rows?: number | undefined;
  /** HTTP requests, repeated ones included: what AWS would bill. */
  readonly requests: ReturnType<HttpSqs["requestCounts"]>;
}

/** Prints the summary. */
export function printSummary(screen: Screen, figures: Figures): void {
  const { durationMs, sent, processed, retried, requests } = figures;
  const lines: [name: string, value: string][] = [["took", formatDuration(durationMs)]];
  if (sent !== undefined) lines.push(["sent", formatNumber(sent)]);
  if (processed !== undefined) lines.push(["processed", formatNumber(processed)]);
  if (retried !== undefined) lines.push(["retried", formatNumber(retried)]);
  if ("rows" in figures) {
    const { rows } = figures;
    const text =
      rows === undefined ? "not known: the database does not answer" : formatNumber(rows);
    lines.push(["rows in the table", text]);
  }
  const operations = Object.entries(requests).toSorted(([, a], [, b]) => b - a);
  const total = operations.reduce((sum, [, count]) => sum + count, 0);
  const each = operations.map(([operation, count]) => `${operation} ${formatNumber(count)}`);
  lines.push(["SQS requests", total === 0 ? "0" : `${formatNumber(total)}: ${each.join(", ")}`]);
  lines.push(["requests a message", perMessage(figures)]);

  const { bold } = screen.colors;
  const width = Math.max(...lines.map(([name]) => name.length));
  const table = lines.map(([name, value]) => `  ${name.padEnd(width)}  ${bold(value)}`);
  screen.text(["", bold("Summary"), ...table].join("\n"));
}

/** Sending and consuming are two bills: other programs do the one or the other. */
function perMessage({ sent = 0, processed = 0, requests }: Figures): string {
  let forSending = 0;
  let forConsuming = 0;
  for (const [operation, count] of Object.entries(requests)) {
    if (operation.startsWith("Send")) forSending += count;
    else forConsuming += count;
  }
  const parts: string[] = [];
  if (processed > 0) parts.push(`${(forConsuming / processed).toFixed(3)} to consume`);
  if (sent > 0) parts.push(`${(forSending / sent).toFixed(3)} to send`);
  return parts.length === 0 ? "none" : parts.join(", ");
}
