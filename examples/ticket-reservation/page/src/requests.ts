/**
 * Owns the list of the customer's requests in the document, the newest first, with what became of each. It never
 * asks for anything.
 */
import { newElement } from "./element.ts";
import { formatNumber } from "./format.ts";
import type { Reservation } from "./seating.ts";

const maxShown = 12;

const words = {
  pending: "waiting for a decision",
  confirmed: "yours",
  refused: "refused",
} as const;

export class Requests {
  readonly #root: HTMLElement;
  /** As shown. Written by refresh. */
  #shown = "";

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** @param requests the oldest first. */
  refresh(requests: readonly Reservation[]): void {
    const shown = requests.slice(-maxShown).toReversed();
    const key = `${requests.length} ${shown.map(({ id, state }) => `${id} ${state}`).join()}`;
    if (key === this.#shown) return;
    this.#shown = key;
    const rest = requests.length - shown.length;
    this.#root.replaceChildren(
      ...shown.map(({ seat, state, reason }) =>
        newElement(
          "li",
          { "data-state": state },
          newElement("b", {}, seat),
          newElement(
            "span",
            {},
            reason === undefined ? words[state] : `${words[state]}: ${reason}`,
          ),
        ),
      ),
      ...(rest > 0 ? [newElement("li", {}, `and ${formatNumber(rest)} before`)] : []),
    );
  }
}
