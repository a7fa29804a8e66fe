/**
 * Owns what is remembered of lanes in which one failed while others had not been read: up to which of those go back, and
 * how. It never gives anything back itself.
 */
import type { OutcomeBehind } from "./lane-keeper.ts";
import type { LaneKey } from "./order-by.ts";

interface BrokenLane {
  /** The number of the last that had been received when the one before them failed. */
  readonly upTo: number;
  readonly outcomeOf: OutcomeBehind;
}

/** Numbers are those of deliveries in the order in which they were received. */
export class BrokenLanes {
  /** In the order of `upTo`: written by {@link break} and {@link forgetBefore}. */
  readonly #lanes = new Map<LaneKey, BrokenLane>();

  /** How many lanes are remembered. */
  get size(): number {
    return this.#lanes.size;
  }

  /** One of that lane failed: those that come up to number `upTo` go back. Numbers never fall from call to call. */
  break(key: LaneKey, upTo: number, outcomeOf: OutcomeBehind): void {
    this.#lanes.delete(key); // So that it comes last.
    this.#lanes.set(key, { upTo, outcomeOf });
  }

  /** How those of that lane go back which stand behind a failure, if the one with that number does. */
  outcomeAt(key: LaneKey, number: number): OutcomeBehind | undefined {
    const lane = this.#lanes.get(key);
    return lane !== undefined && number <= lane.upTo ? lane.outcomeOf : undefined;
  }

  /** Lets go of lanes that say nothing of that number or a later one. */
  forgetBefore(number: number): void {
    for (const [key, { upTo }] of this.#lanes) {
      if (upTo >= number) return;
      this.#lanes.delete(key);
    }
  }
}
