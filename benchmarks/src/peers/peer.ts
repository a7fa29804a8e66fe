/**
 * Owns what a peer is to the process that runs it. It holds no code.
 */
import type { WorkSpec } from "../work/work.ts";

/** What a peer is started with. */
export interface PeerSetup {
  readonly origin: string;
  readonly queueUrls: readonly string[];
  readonly slots: number;
  readonly loops: number;
  readonly batchSize: number;
  /** The handler, which gets the message's body. */
  readonly handle: (body: string) => Promise<void>;
  /** The handler of those that hand over many messages at once. */
  readonly handleBatch: (bodies: readonly string[]) => Promise<void>;
  /** What the handler is to do, for those that cannot be given a function. */
  readonly work: WorkSpec;
  /** Called by those without a handler of ours when messages are sent or done. */
  readonly onDone: (messages: number) => void;
}

/** Starts a peer, which then goes on until its process ends. Resolves when it consumes or sends. */
export type StartPeer = (setup: PeerSetup) => Promise<void>;
