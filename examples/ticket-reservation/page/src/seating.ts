/**
 * Owns what the page knows of an evening: which seats are sold, and what became of its own requests. It never
 * touches the document or the network.
 */
import type { ChangesNews, SnapshotNews } from "#server/web/stream-news.ts";

/** A reservation, as the stream tells of it. */
export type Reservation = SnapshotNews["reservations"][number];

/**
 * | state | meaning |
 * |---|---|
 * | free | nobody has it, as far as is known |
 * | pending | we have asked for it, and are not answered yet |
 * | mine | we have it |
 * | refused | we have asked for it, and somebody else has it |
 * | taken | somebody else has it |
 */
export type SeatState = "free" | "pending" | "mine" | "refused" | "taken";

export interface Tally {
  readonly free: number;
  readonly taken: number;
  readonly mine: number;
  readonly pending: number;
}

export interface SeatingOptions {
  /** Who looks at the page. */
  readonly customer: string;
  /** In whose name its rush asks: their seats count as anybody's. */
  readonly crowd: string;
  /** Called for each decision about one of the customer's requests that is news. */
  readonly onDecision: (reservation: Reservation) => void;
}

/** What is known of several about one seat, the most telling counts. */
const weight = { refused: 0, pending: 1, confirmed: 2 } as const;

/**
 * Snapshots replace what was known, changes add to it. A decision is never taken back, so one that comes late, or
 * twice, or before the answer to its request, does no harm.
 */
export class Seating {
  readonly #options: SeatingOptions;
  #seats = 0;
  /** Whether a snapshot has come: what the first one tells is no news. */
  #known = false;
  #taken: ReadonlySet<string> = new Set();
  /** Seats whose request is on its way to the server. */
  readonly #asking = new Set<string>();
  /** The customer's, by id, the oldest first. */
  #own = new Map<string, Reservation>();
  /** The most telling of the customer's, by seat. */
  #bySeat = new Map<string, Reservation>();
  /** The crowd's states, by id. */
  #crowd = new Map<string, Reservation["state"]>();

  constructor(options: SeatingOptions) {
    this.#options = options;
  }

  /**
   * All there is to know has come.
   *
   * @returns ids of requests that were taken by the server and that the snapshot does not know: it may be older
   * than they are, or they may be gone.
   */
  replace({ seats, taken, reservations }: SnapshotNews): string[] {
    const before = this.#own;
    this.#seats = seats;
    this.#taken = new Set(taken);
    this.#own = new Map();
    this.#bySeat = new Map();
    this.#crowd = new Map();
    for (const reservation of reservations) this.#learn(reservation, before.get(reservation.id));
    const missing = [...before.values()].filter(
      ({ id, state }) => state === "pending" && !this.#own.has(id),
    );
    for (const reservation of missing) this.#learn(reservation, undefined);
    this.#known = true;
    return missing.map(({ id }) => id);
  }

  /** Something has changed. */
  apply({ taken, reservations }: ChangesNews): void {
    this.#taken = new Set([...this.#taken, ...taken]);
    for (const reservation of reservations) this.learn(reservation);
  }

  /** What is known of one of the reservations, wherever from. */
  learn(reservation: Reservation): void {
    this.#learn(reservation, this.#own.get(reservation.id));
    if (reservation.state === "confirmed" && !this.#taken.has(reservation.seat)) {
      this.#taken = new Set([...this.#taken, reservation.seat]);
    }
  }

  /** The server knows of no such reservation. */
  forget(id: string): void {
    const reservation = this.#own.get(id);
    this.#own.delete(id);
    if (reservation !== undefined && this.#bySeat.get(reservation.seat) === reservation) {
      this.#bySeat.delete(reservation.seat);
    }
  }

  /** A request for a seat is on its way. */
  asking(seat: string): void {
    this.#asking.add(seat);
  }

  /** It has been answered, with the id under which it will be decided; or it has failed. */
  asked(seat: string, id: string | undefined): void {
    this.#asking.delete(seat);
    if (id === undefined) return;
    const { customer } = this.#options;
    this.#learn({ id, seat, customer, state: "pending" }, this.#own.get(id));
  }

  stateOf(seat: string): SeatState {
    if (this.#asking.has(seat)) return "pending";
    const own = this.#bySeat.get(seat)?.state;
    if (own === "confirmed") return "mine";
    if (own === "pending") return "pending";
    if (!this.#taken.has(seat)) return "free";
    return own === "refused" ? "refused" : "taken";
  }

  /** The customer's requests that the server has taken, the oldest first. */
  get requests(): readonly Reservation[] {
    return [...this.#own.values()];
  }

  /** What became of one of the crowd's; undefined when nothing has been heard of it. */
  crowdState(id: string): Reservation["state"] | undefined {
    return this.#crowd.get(id);
  }

  get tally(): Tally {
    const own = [...this.#bySeat.values()];
    const mine = own.filter(({ state }) => state === "confirmed").length;
    const pending = new Set(this.#asking);
    for (const { seat, state } of own) if (state === "pending") pending.add(seat);
    return {
      free: this.#seats - this.#taken.size,
      taken: this.#taken.size - mine,
      mine,
      pending: pending.size,
    };
  }

  #learn(news: Reservation, known: Reservation | undefined): void {
    const { customer, crowd, onDecision } = this.#options;
    if (news.customer === crowd) this.#crowd.set(news.id, news.state);
    if (news.customer !== customer) return;
    const decided = known !== undefined && known.state !== "pending";
    const reservation = decided ? known : news;
    this.#own.set(reservation.id, reservation);
    const other = this.#bySeat.get(reservation.seat);
    const tells =
      other === undefined ||
      other.id === reservation.id ||
      weight[reservation.state] >= weight[other.state];
    if (tells) this.#bySeat.set(reservation.seat, reservation);
    if (this.#known && !decided && news.state !== "pending") onDecision(news);
  }
}
