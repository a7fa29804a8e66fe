/** Owns how figures and times are written on the page. It holds no state. */

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function formatNumber(value: number): string {
  return numbers.format(value);
}

const times = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** Hours, minutes and seconds, where the page is looked at. */
export function formatTime(time: Date): string {
  return times.format(time);
}
