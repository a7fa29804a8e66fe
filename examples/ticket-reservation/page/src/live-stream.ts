/**
 * Owns the page's ear at the server: the stream of what changes, opened again whenever it breaks or falls silent.
 * It never knows what the changes mean.
 */
import type { ChangesNews, SnapshotNews } from "#server/web/stream-news.ts";

/**
 * | state | meaning | left when |
 * |---|---|---|
 * | connecting | nothing has been heard yet | a snapshot comes: live; the stream breaks: lost |
 * | live | all there is to know is known | the stream breaks or falls silent: lost |
 * | lost | what is known may be out of date; it is tried again | a snapshot comes: live |
 */
export type StreamState = "connecting" | "live" | "lost";

export interface LiveStreamOptions {
  readonly url: string;
  readonly onSnapshot: (news: SnapshotNews) => void;
  readonly onChanges: (news: ChangesNews) => void;
  /** Called after each change of the state. */
  readonly onState: (state: StreamState) => void;
}

/** From one try to the next: the shortest, which doubles with each failure, and the longest. */
const pauseMs = { min: 500, max: 8_000 } as const;
/** The first word comes at once, and later ones every 15 s: after so long without one the connection is dead. */
const silenceMs = { first: 10_000, later: 40_000 } as const;

export class LiveStream {
  readonly #options: LiveStreamOptions;
  #state: StreamState = "connecting";
  #source: EventSource | undefined;
  /** Set while it waits for a word, or for the next try. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** In a row. */
  #failures = 0;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
  }

  /** Opens it, or opens it anew: the first that comes is a snapshot. */
  open(): void {
    this.close();
    const source = new EventSource(this.#options.url);
    this.#source = source;
    this.#expectWord(silenceMs.first);
    source.addEventListener("snapshot", ({ data }: MessageEvent<string>) => {
      this.#failures = 0;
      this.#expectWord(silenceMs.later);
      this.#options.onSnapshot(JSON.parse(data));
      this.#become("live");
    });
    source.addEventListener("changes", ({ data }: MessageEvent<string>) => {
      this.#expectWord(silenceMs.later);
      this.#options.onChanges(JSON.parse(data));
    });
    source.addEventListener("beat", () => this.#expectWord(silenceMs.later));
    // The browser would try again by itself, but not after every kind of failure, and without ever giving way.
    source.addEventListener("error", () => this.#broken());
  }

  /** Nothing is heard until it is opened again. */
  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  #expectWord(withinMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#broken(), withinMs);
  }

  #broken(): void {
    this.close();
    const pause = Math.min(pauseMs.max, pauseMs.min * 2 ** this.#failures);
    this.#failures += 1;
    // With chance, so that all pages do not come back at once when the server does.
    this.#timer = setTimeout(() => this.open(), pause * (0.5 + Math.random() / 2));
    this.#become("lost");
  }

  #become(state: StreamState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }
}
