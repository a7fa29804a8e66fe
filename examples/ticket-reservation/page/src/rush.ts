/**
 * Owns a rush: a crowd of buyers who all want the best seats left, and ask the server like anybody else, a few at
 * once. It never decides, and learns of decisions only as a number.
 */

/**
 * | phase | meaning | left when |
 * |---|---|---|
 * | idle | there was none yet | started: asking |
 * | asking | buyers ask | all have: deciding; stopped, or one was not taken: over |
 * | deciding | all have asked | all are decided: over; stopped: over |
 * | over | nothing is asked or waited for | started: asking |
 */
export type RushPhase = "idle" | "asking" | "deciding" | "over";

export interface RushOptions {
  readonly buyers: number;
  /** Asks for a seat; resolves with an id. */
  readonly ask: (seat: string) => Promise<string>;
  /** Called when there is something new to see. */
  readonly onProgress: () => void;
}

/** Requests at once: of the six connections that a browser has for a server, the streams need some too. */
const lanes = 4;
/** How many of the best seats left the crowd fights over. */
const crowdedSeats = 12;

export class Rush {
  readonly #options: RushOptions;
  #phase: RushPhase = "idle";
  #ids: string[] = [];
  #failure: string | undefined;
  #stop = new AbortController();
  #decided = 0;
  #startedMs = 0;
  #decidedMs = 0;

  constructor(options: RushOptions) {
    this.#options = options;
  }

  get phase(): RushPhase {
    return this.#phase;
  }

  get running(): boolean {
    return this.#phase === "asking" || this.#phase === "deciding";
  }

  /** Of the requests that the server has taken. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** Why it ended before its time. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** From the start to the last decision. */
  get durationMs(): number {
    return this.#decidedMs - this.#startedMs;
  }

  /**
   * Has the crowd ask, and resolves when all have; the decisions come later. Nothing while one is running.
   *
   * @param seats those that are free, the best first. Each is wanted by somebody, unless there are more than the
   * crowd fights over: half as many as there are buyers.
   */
  async start(seats: readonly string[]): Promise<void> {
    if (this.running || seats.length === 0) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#phase = "asking";
    this.#ids = [];
    this.#failure = undefined;
    this.#decided = 0;
    this.#startedMs = performance.now();
    this.#decidedMs = this.#startedMs;
    this.#options.onProgress();
    const ids = this.#ids;
    const wanted = this.#wanted(seats);
    const buy = async (): Promise<void> => {
      for (let seat = wanted.pop(); seat !== undefined; seat = wanted.pop()) {
        if (stop.signal.aborted) return;
        // One that is under way when it is stopped still counts: it will be decided.
        ids.push(await this.#options.ask(seat));
        this.#options.onProgress();
      }
    };
    try {
      await Promise.all(Array.from({ length: lanes }, buy));
    } catch (error) {
      if (stop.signal.aborted) return;
      this.#failure = error instanceof Error ? error.message : String(error);
      this.stop();
      return;
    }
    if (stop.signal.aborted) return;
    this.#phase = "deciding";
    this.observe(this.#decided);
  }

  /** Nobody asks any more, and nothing is waited for. What was asked is decided all the same. */
  stop(): void {
    if (!this.running) return;
    this.#phase = "over";
    this.#stop.abort();
    this.#options.onProgress();
  }

  /** So many of its requests are decided now. To be called whenever that may have changed: it takes the time. */
  observe(decided: number): void {
    if (decided !== this.#decided) {
      this.#decided = decided;
      this.#decidedMs = performance.now();
    }
    if (this.#phase === "deciding" && decided >= this.#ids.length) {
      this.#phase = "over";
      this.#options.onProgress();
    }
  }

  /** Which seats are asked for, the last first: the crowd moves on to the next best ones as it goes. */
  #wanted(free: readonly string[]): string[] {
    const { buyers } = this.#options;
    const seats = free.slice(0, Math.ceil(buyers / 2));
    const wanted = Array.from({ length: buyers }, (_, buyer) => {
      const front = Math.floor((buyer * seats.length) / buyers);
      const first = buyer === 0 || Math.floor(((buyer - 1) * seats.length) / buyers) < front;
      // The first at each front asks for the seat at the front: none is left out.
      const place = first ? front : front + Math.floor(Math.random() * crowdedSeats);
      return seats[Math.min(place, seats.length - 1)] ?? "";
    });
    return wanted.toReversed();
  }
}
