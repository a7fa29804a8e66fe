/**
 * Owns how much of the hall is seen where there is no room for all of it: a part, with seats as large as a finger,
 * or the whole, in which a touch only leads to a part. It never touches a seat.
 */

export class Zoom {
  readonly #hall: HTMLElement;
  readonly #button: HTMLButtonElement;

  constructor(hall: HTMLElement, button: HTMLButtonElement) {
    this.#hall = hall;
    this.#button = button;
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

  /** Too small to hit: what is pointed at is shown first. The keyboard hits what it is at. */
  #clicked(event: MouseEvent): void {
    if (!this.#far) return;
    event.stopPropagation();
    this.#set("near");
    if (event.target instanceof HTMLElement) {
      event.target.scrollIntoView({ block: "nearest", inline: "center" });
    }
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
