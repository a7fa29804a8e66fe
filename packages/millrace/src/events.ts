/**
 * Owns the hand-over of typed events to listeners. It never lets a listener harm the emitter: what one
 * throws, now or in a promise it returned, goes to the fault reporter and no further.
 */
import { onRejection } from "./errors.ts";

/** What a listener may look like. Its return value is ignored; a promise may be returned. */
export type Listener<Payload> = (payload: Payload) => unknown;

/** Called with what a listener threw. Must not throw. */
export type ReportFault = (thrown: unknown, event: string) => void;

/**
 * Listeners by event name. Events are delivered synchronously, in the order in which listeners were
 * added; a listener that is added or removed during an event counts from the next one on.
 */
export class Emitter<Events extends object> {
  readonly #report: ReportFault;
  /** Replaced, never changed, by on and off: an emit under way keeps the list it began with. */
  readonly #listeners: { [Name in keyof Events]?: readonly Listener<Events[Name]>[] } = {};

  constructor(report: ReportFault) {
    this.#report = report;
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners[name] = [...(this.#listeners[name] ?? []), listener];
  }

  /** Removes `listener` as often as it was added. */
  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    const rest = this.#listeners[name]?.filter((other) => other !== listener) ?? [];
    if (rest.length > 0) this.#listeners[name] = rest;
    else delete this.#listeners[name];
  }

  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    const listeners = this.#listeners[name];
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        onRejection(listener(payload), (thrown) => this.#report(thrown, String(name)));
      } catch (thrown) {
        this.#report(thrown, String(name));
      }
    }
  }
}
