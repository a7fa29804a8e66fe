/**
 * Owns the progress bar, which is there on a terminal only. It never prints anything else.
 */
import { SingleBar } from "cli-progress";
import { caseNames } from "./cases/names.ts";
import { catalogue } from "./peers/catalogue.ts";
import type { Step } from "./suite.ts";

const tickMs = 250;

/** Shows how far the steps are, by the time that they are expected to take. */
export class Progress implements Disposable {
  readonly #bar: SingleBar;
  readonly #timer: NodeJS.Timeout;
  /** Seconds of the steps that are done; of the one under way. */
  #doneSeconds = 0;
  #stepSeconds = 0;
  #stepAtMs = performance.now();
  readonly #totalSeconds: number;
  /** The second Ctrl-C leaves without disposing of anything; the cursor is to come back even so. */
  readonly #onExit = (): void => this.#bar.stop();

  constructor(steps: readonly Step[]) {
    this.#totalSeconds = steps.reduce((total, { job }) => total + job.seconds, 0);
    this.#bar = new SingleBar({
      format: "{bar} {percentage}% │ {left} left │ {what}",
      barCompleteChar: "━",
      barIncompleteChar: "─",
      barsize: 30,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      noTTYOutput: false,
      stream: process.stderr,
      gracefulExit: false,
    });
    this.#bar.start(this.#totalSeconds, 0, { what: "", left: "" });
    this.#timer = setInterval(() => this.#show(), tickMs);
    process.once("exit", this.#onExit);
  }

  step({ caseName, round, job, peers }: Step): void {
    this.#doneSeconds += this.#stepSeconds;
    this.#stepSeconds = job.seconds;
    this.#stepAtMs = performance.now();
    const [peer] = peers;
    const who = peers.length > 1 ? "all" : peer === undefined ? "" : catalogue[peer].title;
    const number = caseNames.indexOf(caseName) + 1;
    this.#show({ what: `case ${number} ${caseName}, round ${round}: ${who}` });
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#onExit);
    clearInterval(this.#timer);
    this.#bar.stop();
  }

  #show(payload: { what?: string } = {}): void {
    const passed = (performance.now() - this.#stepAtMs) / 1_000;
    const seconds = this.#doneSeconds + Math.min(passed, this.#stepSeconds);
    const left = Math.ceil(this.#totalSeconds - seconds);
    const minutes = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    this.#bar.update(seconds, { ...payload, left: minutes });
  }
}
