/**
 * Owns what is written: lines with the time, who it is about and what happened, in colour on a terminal, and
 * below them, on a terminal, one line that keeps changing. It never decides what is worth a line.
 */
import type { WriteStream } from "node:tty";
import { systemClock } from "millrace";
import type { Clock } from "millrace";
import { terminalColors } from "./terminal-colors.ts";
import type { Colors } from "./terminal-colors.ts";

/** How a line is meant; on a terminal its colour. */
export type Tone = "plain" | "quiet" | "good" | "warning" | "bad";

type Output = Pick<WriteStream, "write"> & Partial<Pick<WriteStream, "isTTY" | "columns">>;

const whoWidth = 10;
/** Returns to the start of the line and clears it. */
const clearLine = "\r\u001B[K";

export class Screen {
  readonly colors: Colors;
  readonly #output: Output;
  readonly #clock: Clock;
  /** The line below. Written by {@link Screen.status} and close. */
  #status = "";

  constructor(
    output: Output = process.stdout,
    clock: Clock = systemClock,
    environment: NodeJS.ProcessEnv = process.env,
  ) {
    this.#output = output;
    this.#clock = clock;
    this.colors = terminalColors(output, environment);
  }

  get isTerminal(): boolean {
    return this.#output.isTTY === true;
  }

  /** Something that happened just now. */
  line(who: string, what: string, tone: Tone = "plain"): void {
    const { dim, cyan } = this.colors;
    const time = dim(timeOfDay(this.#clock.now()));
    this.text(`${time}  ${cyan(who.padEnd(whoWidth))}  ${this.#toned(what, tone)}`);
  }

  /** Lines as they are. */
  text(lines: string): void {
    if (this.#status === "") this.#output.write(`${lines}\n`);
    else this.#output.write(`${clearLine}${lines}\n${this.#status}`);
  }

  /** Replaces the line below the others; "" removes it. Without a terminal there is none. */
  status(text: string): void {
    if (!this.isTerminal || text === this.#status) return;
    // Some terminals say that they have 0.
    const columns = this.#output.columns || 80;
    this.#status = text.slice(0, columns - 1);
    this.#output.write(clearLine + this.#status);
  }

  /** Leaves the terminal as it was found. */
  close(): void {
    this.status("");
  }

  #toned(text: string, tone: Tone): string {
    const { dim, green, yellow, red } = this.colors;
    const colorings = { plain: String, quiet: dim, good: green, warning: yellow, bad: red };
    return colorings[tone](text);
  }
}

function timeOfDay(nowMs: number): string {
  const date = new Date(nowMs);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const time = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

const numbers = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

/** 12,345.6 */
export function formatNumber(value: number): string {
  return numbers.format(value);
}

/** 5 ms, 2.5 s. */
export function formatDuration(ms: number): string {
  return ms < 1_000 ? `${numbers.format(Math.round(ms))} ms` : `${numbers.format(ms / 1_000)} s`;
}

/** A message's body on one line, without what would move the cursor. */
export function formatBody(body: string): string {
  const line = body.slice(0, 100).replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ");
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

/** A count of things: `1 message`, `2 messages`. */
export function formatCount(count: number, thing: string): string {
  return `${formatNumber(count)} ${thing}${count === 1 ? "" : "s"}`;
}
