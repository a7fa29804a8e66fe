/**
 * Owns the one error of channels. It never says why a channel was closed: whoever closed it knows.
 */
import { MillraceError } from "../errors.ts";

/** The channel takes no more values, or, to a receiver, has none left and never will have. */
export class ChannelClosedError extends MillraceError {
  readonly code = "CHANNEL_CLOSED";

  constructor() {
    super("the channel is closed");
  }
}
