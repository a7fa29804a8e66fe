/**
 * Owns what the memory program tells the process that feeds it, and what that tells back. It holds no code of
 * either side.
 */
import { typeOf } from "./typed-message.ts";

/** The first message to the feeding process. */
export interface FeedJob {
  readonly type: "feed";
  readonly messages: number;
  readonly bodyBytes: number;
  /** How many messages the queue holds at most. */
  readonly backlog: number;
}

/** What the feeding process tells: where its queue is, and, when told to report, what is left on it. */
export type FeedNews =
  | { readonly type: "open"; readonly endpoint: string; readonly queueUrl: string }
  | { readonly type: "report"; readonly sent: number; readonly left: number };

export function isFeedJob(message: unknown): message is FeedJob {
  return typeOf(message) === "feed";
}

export function isFeedNews(message: unknown): message is FeedNews {
  const type = typeOf(message);
  return type === "open" || type === "report";
}
