/**
 * Owns the part of the page from which a rush is sent and watched. It never asks for a seat.
 */
import { elementOf } from "./element.ts";
import { formatNumber } from "./format.ts";
import type { Notice } from "./notice.ts";
import type { Rush } from "./rush.ts";
import type { Seating } from "./seating.ts";

export interface RushPanelOptions {
  readonly rush: Rush;
  readonly buyers: number;
  readonly seating: Seating;
  readonly notice: Notice;
  /** Called to begin. */
  readonly onStart: () => void;
}

interface Decisions {
  readonly confirmed: number;
  readonly refused: number;
}

export class RushPanel {
  readonly #options: RushPanelOptions;
  readonly #start = elementOf("rush-start", HTMLButtonElement);
  readonly #stop = elementOf("rush-stop", HTMLButtonElement);
  readonly #progress = elementOf("rush-progress", HTMLProgressElement);
  readonly #text = elementOf("rush-text", HTMLElement);
  /** Spoken of so far: quarters of what was asked for. */
  #quarters = 0;
  #wasRunning = false;

  constructor(options: RushPanelOptions) {
    this.#options = options;
    this.#start.addEventListener("click", () => {
      if (this.#start.ariaDisabled !== "true") options.onStart();
    });
    this.#stop.addEventListener("click", () => options.rush.stop());
    this.#progress.max = options.buyers;
  }

  /** Something was heard of: the rush learns how far it is. Not for a frame to do, which may be long in coming. */
  observe(): void {
    const { confirmed, refused } = this.#decisions();
    this.#options.rush.observe(confirmed + refused);
  }

  /** @param free seats that are left; undefined when that is not known now. */
  refresh(free: number | undefined): void {
    const { rush } = this.#options;
    const decisions = this.#decisions();
    const { running, phase } = rush;
    // Not `disabled`: that would drop the focus.
    this.#start.ariaDisabled = String(running || free === undefined || free === 0);
    if (running === this.#stop.hidden) {
      if (!running && document.activeElement === this.#stop) this.#start.focus();
      this.#stop.hidden = !running;
    }
    this.#progress.hidden = phase === "idle";
    this.#progress.value = decisions.confirmed + decisions.refused;
    this.#text.textContent = phase === "idle" ? idleText(free) : this.#told(decisions);
    this.#speak(decisions);
  }

  #decisions(): Decisions {
    const { rush, seating } = this.#options;
    let confirmed = 0;
    let refused = 0;
    for (const id of rush.ids) {
      const state = seating.crowdState(id);
      if (state === "confirmed") confirmed += 1;
      if (state === "refused") refused += 1;
    }
    return { confirmed, refused };
  }

  #told({ confirmed, refused }: Decisions): string {
    const { rush, buyers } = this.#options;
    const decided = confirmed + refused;
    const seconds = rush.durationMs / 1_000;
    const rate = seconds > 0 ? `, ${formatNumber(decided / seconds)} a second` : "";
    const asked =
      rush.ids.length === buyers
        ? `All ${formatNumber(buyers)} have asked`
        : `${formatNumber(rush.ids.length)} of ${formatNumber(buyers)} have asked`;
    return `${asked}. ${formatNumber(decided)} decided${rate}: ${formatNumber(confirmed)} got a seat, ${formatNumber(refused)} were refused.`;
  }

  /** The start, each quarter, the end: a rush of any speed is a few lines. */
  #speak(decisions: Decisions): void {
    const { rush, buyers, notice } = this.#options;
    const { running } = rush;
    const decided = decisions.confirmed + decisions.refused;
    if (running && !this.#wasRunning) {
      this.#quarters = 0;
      notice.say(`${formatNumber(buyers)} buyers are on their way.`);
    }
    const quarters = Math.floor((4 * decided) / buyers);
    if (running && quarters > this.#quarters) {
      this.#quarters = quarters;
      notice.say(`The rush: ${formatNumber(decided)} of ${formatNumber(buyers)} decided.`);
    }
    if (!running && this.#wasRunning) {
      const { failure } = rush;
      const how = failure === undefined ? "is over" : `ended early: ${failure}`;
      notice.say(
        `The rush ${how}. ${this.#told(decisions)}`,
        failure === undefined ? "plain" : "bad",
      );
    }
    this.#wasRunning = running;
  }
}

function idleText(free: number | undefined): string {
  return free === 0
    ? "There is nothing left to rush for: choose another evening."
    : "Everybody wants the best seats left, and many are asked for by several at once.";
}
