/**
 * Owns a worker's waiting for its next delivery. It never looks at what it got.
 */
import { ChannelClosedError } from "../channel/errors.ts";
import type { ReceiveChannel } from "../channel/halves.ts";
import type { Delivery } from "./delivery.ts";

/**
 * The next delivery, at once or when it comes; undefined when the channel has ended, or `signal` aborted.
 *
 * @param onIdle called when there is nothing, before the wait.
 */
export async function nextDelivery(
  channel: ReceiveChannel<Delivery>,
  onIdle: () => void,
  signal?: AbortSignal,
): Promise<Delivery | undefined> {
  const ready = channel.tryReceive();
  if (ready.status === "received") return ready.value;
  if (ready.status === "closed") return undefined;
  try {
    const next = channel.receive({ signal });
    onIdle();
    return await next;
  } catch (error) {
    if (error instanceof ChannelClosedError || signal?.aborted) return undefined;
    throw error;
  }
}
