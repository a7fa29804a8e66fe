/**
 * Owns a program's tie to the program that started it as a child, if one did: the word that it is ready, and the
 * knowledge that its parent has gone. It never ends anything itself.
 */
import { systemClock } from "millrace";
import type { Timer } from "millrace";
import type { ReadyNews } from "./child-program.ts";

/** How long a program whose parent has gone may take to end, in ms: what it works with may have gone too. */
const orphanMs = 5_000;

/** Tells the parent, where there is one. */
export function tellParent(news: ReadyNews | { readonly type: string }): void {
  process.send?.(news);
}

export interface ParentWatchOptions {
  /** Called when the parent ends without having asked this program to. */
  readonly onGone: () => void;
  /** Called some seconds later, when this program is still there. */
  readonly onLate: () => void;
}

/** Watches from `begin` on, until it is disposed of. */
export class ParentWatch implements Disposable {
  readonly #options: ParentWatchOptions;
  /** Set once the parent has gone. */
  #late: Timer | undefined;

  constructor(options: ParentWatchOptions) {
    this.#options = options;
  }

  begin(): void {
    if (process.channel !== undefined) process.once("disconnect", this.#onDisconnect);
  }

  /** Closes the channel, which would keep this process alive. */
  [Symbol.dispose](): void {
    process.off("disconnect", this.#onDisconnect);
    this.#late?.cancel();
    if (process.connected) process.disconnect();
  }

  readonly #onDisconnect = (): void => {
    this.#late = systemClock.setTimer(this.#options.onLate, orphanMs);
    this.#options.onGone();
  };
}
