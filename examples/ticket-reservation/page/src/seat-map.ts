/**
 * Owns the map of the seats in the document: a grid that is walked with the arrow keys, in which each seat shows
 * its state. It never knows why a seat is in a state, and never changes one.
 */
import { newElement } from "./element.ts";
import type { Seat } from "./hall.ts";
import type { SeatState } from "./seating.ts";

export interface SeatMapOptions {
  /** The grid. */
  readonly root: HTMLElement;
  /** Shows in words which seat is pointed at, for those who see. */
  readonly caption: HTMLElement;
  readonly stateOf: (seat: string) => SeatState;
  /** Called when a seat is clicked, or chosen with the keyboard. */
  readonly onChosen: (seat: string) => void;
}

interface Place {
  readonly seat: Seat;
  readonly cell: HTMLElement;
  /** As shown. Written by refresh. */
  state: SeatState | undefined;
}

const words: Readonly<Record<SeatState, string>> = {
  free: "free",
  pending: "asked for, not decided yet",
  mine: "yours",
  refused: "taken, you were refused",
  taken: "taken",
};

/** Rows of fewer seats have no aisles. */
const seatsWithAisles = 16;
/**
 * How much farther the middle of a row is from the stage than its ends: of the height of a seat. Less than half, so
 * that each seat is nearest to the name of its own row.
 */
const bend = 0.42;

export class SeatMap {
  readonly #options: SeatMapOptions;
  #rows: readonly (readonly Place[])[] = [];
  #places = new Map<string, Place>();
  /** The one that Tab leads to. */
  #current: Place | undefined;
  #pointed: Place | undefined;

  constructor(options: SeatMapOptions) {
    this.#options = options;
    const { root } = options;
    root.addEventListener("click", ({ target }) => this.#choose(this.#placeOf(target)));
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("focusin", ({ target }) => this.#focus(this.#placeOf(target)));
    root.addEventListener("pointerover", ({ target }) => this.#point(this.#placeOf(target)));
    root.addEventListener("pointerleave", () => this.#point(this.#focused()));
    root.addEventListener("focusout", () => this.#point(undefined));
  }

  /** Builds it for a hall. */
  build(rows: readonly (readonly Seat[])[]): void {
    const columns = rows[0]?.length ?? 0;
    const { root } = this.#options;
    root.parentElement?.style.setProperty("--columns", `${columns}`);
    root.parentElement?.style.setProperty("--rows", `${rows.length}`);
    this.#places = new Map();
    this.#rows = rows.map((row) =>
      row.map((seat) => {
        const place: Place = { seat, cell: newCell(seat, columns), state: undefined };
        this.#places.set(seat.name, place);
        return place;
      }),
    );
    root.replaceChildren(
      ...this.#rows.map((row) => {
        const name = row[0]?.seat.row ?? "";
        const header = newElement(
          "span",
          { role: "rowheader", class: "row-name", "aria-label": `Row ${name}` },
          name,
        );
        const cells = row.map(({ cell }) => cell);
        return newElement("div", { role: "row", class: "row" }, header, ...cells);
      }),
    );
    this.#pointed = undefined;
    this.#current = undefined;
    const middle = this.#rows[0]?.[Math.floor(columns / 2)];
    if (middle !== undefined) this.#makeCurrent(middle);
    this.refresh();
    root.removeAttribute("aria-busy");
  }

  /** Shows what has changed; seats that have not are left alone. */
  refresh(): void {
    const { stateOf } = this.#options;
    for (const place of this.#places.values()) {
      const state = stateOf(place.seat.name);
      if (state === place.state) continue;
      place.state = state;
      place.cell.dataset["state"] = state;
      place.cell.ariaLabel = described(place);
      place.cell.ariaSelected = String(state === "mine");
      if (place === this.#pointed) this.#point(place);
    }
  }

  #key(event: KeyboardEvent): void {
    const place = this.#placeOf(event.target);
    if (place === undefined || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (!event.repeat) this.#choose(place);
      return;
    }
    const next = this.#next(place, event.key, event.ctrlKey);
    if (next === undefined) return;
    event.preventDefault();
    next.cell.focus();
  }

  /** Where a key leads from a place, as the grid pattern of ARIA has it. */
  #next({ seat }: Place, key: string, ctrl: boolean): Place | undefined {
    const row = this.#rows.findIndex((places) => places[0]?.seat.row === seat.row);
    const column = seat.number - 1;
    const at = (toRow: number, toColumn: number): Place | undefined => {
      const places = this.#rows[Math.max(0, Math.min(toRow, this.#rows.length - 1))] ?? [];
      return places[Math.max(0, Math.min(toColumn, places.length - 1))];
    };
    switch (key) {
      case "ArrowLeft":
        return at(row, column - 1);
      case "ArrowRight":
        return at(row, column + 1);
      case "ArrowUp":
        return at(row - 1, column);
      case "ArrowDown":
        return at(row + 1, column);
      case "PageUp":
        return at(row - 5, column);
      case "PageDown":
        return at(row + 5, column);
      case "Home":
        return at(ctrl ? 0 : row, 0);
      case "End":
        return at(ctrl ? Infinity : row, Infinity);
      default:
        return undefined;
    }
  }

  #choose(place: Place | undefined): void {
    if (place === undefined) return;
    place.cell.focus();
    this.#options.onChosen(place.seat.name);
  }

  #focus(place: Place | undefined): void {
    if (place !== undefined) this.#makeCurrent(place);
    this.#point(place);
  }

  #makeCurrent(place: Place): void {
    if (this.#current !== undefined) this.#current.cell.tabIndex = -1;
    place.cell.tabIndex = 0;
    this.#current = place;
  }

  #point(place: Place | undefined): void {
    this.#pointed = place;
    this.#options.caption.textContent = place === undefined ? "" : described(place);
  }

  #focused(): Place | undefined {
    return this.#placeOf(document.activeElement);
  }

  #placeOf(target: EventTarget | null): Place | undefined {
    return target instanceof HTMLElement
      ? this.#places.get(target.dataset["seat"] ?? "")
      : undefined;
  }
}

function newCell({ name, number }: Seat, columns: number): HTMLElement {
  const cell = newElement("span", {
    role: "gridcell",
    class: "seat",
    tabindex: "-1",
    "data-seat": name,
  });
  // From -1 to 1.
  const side = columns > 1 ? ((number - 1) / (columns - 1)) * 2 - 1 : 0;
  cell.style.setProperty("--bend", (bend * (1 - side * side)).toFixed(3));
  const aisle = Math.round(columns / 4);
  const besideAisle = number === aisle || number === columns - aisle;
  if (columns >= seatsWithAisles && besideAisle) cell.classList.add("beside-aisle");
  return cell;
}

function described({ seat, state }: Place): string {
  return `Row ${seat.row}, seat ${seat.number}: ${state === undefined ? "" : words[state]}`;
}
