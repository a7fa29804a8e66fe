/**
 * Owns how a counted run's progress looks. It never prints.
 */
import { formatNumber } from "programs";

const cells = 30;

/** `━━━━━━────  12 of 30 stored, 20 sent`. */
export function progressBar(sent: number, processed: number, count = 0): string {
  const filled = Math.min(cells, Math.floor((processed / Math.max(count, 1)) * cells));
  const bar = "━".repeat(filled) + "─".repeat(cells - filled);
  return `${bar}  ${formatNumber(Math.min(processed, count))} of ${formatNumber(count)} stored, ${formatNumber(sent)} sent`;
}
