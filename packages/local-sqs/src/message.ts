/**
 * Owns what is known of one message: what was sent, and where its copy in a queue stands. It never
 * decides on a change; its queue does.
 */
import type { MessageAttributes } from "millrace";
import { HeapNode } from "./heap.ts";
import type { LinkedList } from "./linked-list.ts";

/** What a sender says of a message, checked and with its digests. */
export interface Draft {
  readonly body: string;
  readonly bodyMd5: string;
  readonly attributes: MessageAttributes | undefined;
  readonly attributesMd5: string | undefined;
  readonly traceHeader: string | undefined;
  readonly traceHeaderMd5: string | undefined;
  readonly groupId: string | undefined;
  /** On FIFO queues always: the body's SHA-256 where none was given. */
  readonly deduplicationId: string | undefined;
  readonly delaySeconds: number;
}

/** What was sent. It stays the same from receive to receive. */
export interface MessageContent {
  readonly id: string;
  readonly draft: Draft;
  /** Wall-clock time, ms. */
  readonly sentAt: number;
  /** FIFO queues only; each queue gives its own. */
  readonly sequenceNumber: string | undefined;
  /** The ARN of the queue that it failed in, while it is in a dead-letter queue. */
  readonly deadLetterSourceArn: string | undefined;
}

/**
 * Where a message in a queue stands:
 *
 * - `delayed`: sent, and not to be received yet. Left for `visible` when the delay is over.
 * - `visible`: to be received, unless it is of a FIFO group that has others in flight. Left for
 *   `inFlight` by a receive; for `gone` by one too many, which moves it to the dead-letter queue.
 * - `inFlight`: received; nobody else gets it. Left for `visible` when the visibility timeout is over,
 *   or is changed to 0.
 * - `gone`: deleted, moved, purged, or older than the retention period. Entered from any of the others,
 *   and never left.
 *
 *     delayed ──▶ visible ◀──▶ inFlight
 *        └───────────┴────────────┴──▶ gone
 */
export type MessageState = "delayed" | "visible" | "inFlight" | "gone";

/** What a queue sorts its messages by: tenants of a standard queue, groups of a FIFO one. */
export interface MessageGroup {
  readonly messages: LinkedList<StoredMessage>;
}

/** One message in one queue. Its fields are written by the queue, those of the last part by its backlog. */
export class StoredMessage {
  readonly content: MessageContent;
  /** Its number in this queue; receipt handles name it. */
  readonly serial: number;
  /** Whether it is a second delivery of another: it is delivered once and then gone. */
  readonly duplicate: boolean;
  /** Monotonic time from which retention counts, ms. */
  readonly retainedFromMs: number;

  state: MessageState = "visible";
  /** In all queues. */
  receiveCount: number;
  /** In this queue: what its redrive policy counts. */
  receivesHere = 0;
  /** Wall-clock time of the first receive, ms, 0 before it. */
  firstReceivedAt: number;
  /** Monotonic time of the latest receive, ms: the 12 hours count from it. */
  receivedAtMs = 0;
  /** The receipt handle of the latest receive, empty before the first. */
  handle = "";
  /** Whether its visibility was changed since the latest receive. */
  changed = false;

  /** When delay or visibility timeout end; set while delayed or in flight. */
  readonly due: HeapNode<StoredMessage> = new HeapNode<StoredMessage>(this);
  /** Its place among the queue's messages by age. */
  readonly age: HeapNode<StoredMessage> = new HeapNode<StoredMessage>(this);

  group: MessageGroup | undefined = undefined;
  /** Grows with each message that becomes visible. */
  order = 0;
  previous: StoredMessage | undefined = undefined;
  next: StoredMessage | undefined = undefined;

  constructor(content: MessageContent, serial: number, origin: MessageOrigin) {
    this.content = content;
    this.serial = serial;
    this.duplicate = origin.duplicate ?? false;
    this.retainedFromMs = origin.retainedFromMs;
    this.receiveCount = origin.receiveCount ?? 0;
    this.firstReceivedAt = origin.firstReceivedAt ?? 0;
  }
}

/** What a message brings along into a queue. */
export interface MessageOrigin {
  readonly retainedFromMs: number;
  readonly receiveCount?: number;
  readonly firstReceivedAt?: number;
  readonly duplicate?: boolean;
}
