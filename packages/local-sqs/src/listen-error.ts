/**
 * Owns the error of a server that does not come up. It never tries again.
 */
import { MillraceError } from "millrace";

/** The port or the host cannot be listened on; `cause` is the system's error. */
export class ListenError extends MillraceError {
  /** `PORT_TAKEN` when another process has the port (EADDRINUSE), else `CANNOT_LISTEN`. */
  readonly code: "PORT_TAKEN" | "CANNOT_LISTEN";
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, cause: unknown) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    const taken = reason === "EADDRINUSE";
    super(
      taken
        ? `port ${port} of ${host} is taken; choose another, or 0 for any free one`
        : `cannot listen on port ${port} of ${host}: ${reason}`,
      { cause },
    );
    this.code = taken ? "PORT_TAKEN" : "CANNOT_LISTEN";
    this.host = host;
    this.port = port;
  }
}
