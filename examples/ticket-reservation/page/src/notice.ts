/**
 * Owns the page's one line of news, which screen readers speak too (a polite live region). It never says more at
 * once than a line or two: what comes at the same moment is said together, and what is too much is counted.
 */
import { newElement } from "./element.ts";

export type Tone = "plain" | "good" | "bad";

const maxAtOnce = 3;

export class Notice {
  readonly #root: HTMLElement;
  /** Said at the end of this turn. */
  #pending: { readonly text: string; readonly tone: Tone }[] = [];

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  say(text: string, tone: Tone = "plain"): void {
    this.#pending.push({ text, tone });
    if (this.#pending.length === 1) queueMicrotask(() => this.#show());
  }

  #show(): void {
    const pending = this.#pending;
    this.#pending = [];
    const shown = pending.slice(-maxAtOnce);
    const texts = shown.map(({ text }) => text);
    if (pending.length > shown.length) {
      texts.unshift(`And ${pending.length - shown.length} before that.`);
    }
    // A new element each time: the same words once more are news too.
    const tone = shown.at(-1)?.tone;
    this.#root.replaceChildren(newElement("p", { "data-tone": tone }, texts.join(" ")));
  }
}
