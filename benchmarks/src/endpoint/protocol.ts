/**
 * Owns what the suite and the counting endpoint say to each other. It holds no code.
 */

/** A queue of the endpoint. */
export interface QueueOptions {
  readonly name: string;
  /** `deep`: it never ends. `ready`: that many are there at once; `perSecond`: Poisson arrivals once those are handed out. */
  readonly messages: "deep" | "none" | { readonly perSecond: number; readonly ready: number };
  /** The queue's visibility timeout. Default 30. */
  readonly visibilitySeconds?: number;
  /** Whether to count messages whose lease ran out before they were deleted. It costs the endpoint a little. */
  readonly trackLeases?: boolean;
}

/** What a queue has seen since it was opened. */
export interface QueueCounts {
  /** Requests by operation. */
  readonly requests: Readonly<Record<string, number>>;
  readonly handedOut: number;
  readonly deleted: number;
  /** Messages that were sent to it. */
  readonly sent: number;
  /** Messages whose lease ran out while they were in hand; only where leases are tracked. */
  readonly leasesLost: number;
  /** Messages that were in hand for longer than the first lease of theirs, lost or not; only where leases are tracked. */
  readonly outlasted: number;
  /** Open long polls, added up over time: 1,000 is one poll for a second. */
  readonly openPollMs: number;
}

/** The endpoint at one moment. */
export interface EndpointReading {
  readonly atMs: number;
  /** CPU time of its process so far. */
  readonly cpuUs: number;
  /** By the URL of each queue that was asked about. */
  readonly queues: Readonly<Record<string, QueueCounts>>;
}

export type Question =
  | { readonly ask: "open"; readonly id: number; readonly queues: readonly QueueOptions[] }
  | { readonly ask: "read"; readonly id: number; readonly urls: readonly string[] }
  | { readonly ask: "close"; readonly id: number; readonly urls: readonly string[] };

export type Reply =
  /** Sent once, unasked, when it listens. */
  | { readonly reply: "listening"; readonly origin: string }
  | { readonly reply: "opened"; readonly id: number; readonly urls: readonly string[] }
  | { readonly reply: "reading"; readonly id: number; readonly reading: EndpointReading }
  | { readonly reply: "closed"; readonly id: number };
