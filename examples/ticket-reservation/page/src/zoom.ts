/**
 * Owns how much of the hall is seen where there is no room for all of it: a part, with seats as large as a finger,
 * or the whole, in which a touch only leads to a part. It never touches a seat.
 */

export interface ZoomOptions {
  readonly hall: HTMLElement;
  readonly button: HTMLButtonElement;
  /** Called when a touch has led to a part, and did nothing else. */
  readonly onLed: () => void;
}

export class Zoom {
  readonly #hall: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #onLed: () => void;

  constructor({ hall, button, onLed }: ZoomOptions) {
    this.#hall = hall;
    this.#button = button;
    this.#onLed = onLed;
    button.addEventListener("click", () => {
      if (this.#far) this.showMiddle();
      else this.showAll();
    });
    hall.addEventListener("click", (event) => this.#clicked(event), { capture: true });
    new ResizeObserver(() => this.#fit()).observe(hall);
  }

  /** A part: the middle of the hall. */
  showMiddle(): void {
    this.#set("near");
    const { scrollWidth, clientWidth } = this.#hall;
    this.#hall.scrollLeft = (scrollWidth - clientWidth) / 2;
    this.#fit();
  }

  /** All of it. Where all of it is seen anyway, nothing changes. */
  showAll(): void {
    if (!this.#button.hidden) this.#set("far");
  }

  get #far(): boolean {
    return this.#hall.dataset["zoom"] === "far";
  }

  /**
   * Too small to hit: what is pointed at is shown first, and said. Who clicks without a pointer, as screen readers
   * do, hits what they are at.
   */
  #clicked(event: MouseEvent): void {
    if (!this.#far || event.detail === 0) return;
    event.stopPropagation();
    this.#set("near");
    if (event.target instanceof HTMLElement) {
      event.target.focus({ preventScroll: true });
      event.target.scrollIntoView({ block: "nearest", inline: "center" });
    }
    this.#onLed();
  }

  #set(zoom: "near" | "far"): void {
    this.#hall.dataset["zoom"] = zoom;
    this.#button.ariaPressed = String(zoom === "far");
  }

  /** There is something to choose only where not all seats have room. */
  #fit(): void {
    if (this.#far) return;
    this.#button.hidden = this.#hall.scrollWidth <= this.#hall.clientWidth;
  }
}
