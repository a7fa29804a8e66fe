/** Owns a reader of server-sent events, as a browser is one, but for connecting again. It never expects anything. */
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";
import { request } from "undici";
import type { Dispatcher } from "undici";
import { onTestFinished } from "vitest";

export interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
}

export class EventReader {
  readonly response: Dispatcher.ResponseData;
  readonly #lines: AsyncIterator<string>;
  /** In ms, as the server has asked for. Written by next. */
  retryMs: number | undefined;

  private constructor(response: Dispatcher.ResponseData, lines: Interface) {
    this.response = response;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  static async open(address: string, path: string): Promise<EventReader> {
    const response = await request(`${address}${path}`);
    const { body } = response;
    body.on("error", () => {}); // Hung up, by either side.
    onTestFinished(() => void body.destroy());
    return new EventReader(response, createInterface({ input: body, crlfDelay: Infinity }));
  }

  /** The next event; undefined when the server has ended the stream. */
  async next(): Promise<StreamEvent | undefined> {
    let event = "message";
    let data = "";
    for (;;) {
      const { done, value: line = "" } = await this.#lines.next();
      if (done === true) return undefined;
      const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === "retry") this.retryMs = Number(value);
      if (field === "event") event = value;
      if (field === "data") data += value;
      if (line === "" && data !== "") return { event, data: JSON.parse(data) };
    }
  }

  /** As when the page is closed. */
  hangUp(): void {
    this.response.body.destroy();
  }
}
