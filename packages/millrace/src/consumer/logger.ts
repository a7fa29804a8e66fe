/**
 * Owns the way to the user's logger. It never lets a logger that throws do harm.
 */
import { onRejection, toError } from "../errors.ts";

/**
 * Where the consumer logs: text first, then data, in which an error is called `error`. `console` and bunyan fit as
 * they are. Others have these methods and lose the data or the error: pino takes data first, winston writes an
 * error as `{}`. They need an adapter of a few lines, which the guide to the consumer shows.
 */
export interface Logger {
  debug(message: string, data?: object): void;
  info(message: string, data?: object): void;
  warn(message: string, data?: object): void;
  error(message: string, data?: object): void;
}

const ignore = (): void => {};

/**
 * The logger of those who give none: silent, but for errors, which become a warning of the process and
 * so appear on stderr once each.
 */
export const defaultLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: (message, data) => process.emitWarning(message + causeOf(data), "MillraceWarning"),
};

/** What led to it, if that is among the data. */
function causeOf(data: object | undefined): string {
  if (data === undefined || !("error" in data)) return "";
  return `: ${toError(data.error).message}`;
}

/** `logger`, with whatever it throws contained. */
export function contained(logger: Logger): Logger {
  const level =
    (name: keyof Logger) =>
    (message: string, data?: object): void => {
      try {
        // One that is async, whatever its type says, may reject.
        onRejection(
          data === undefined ? logger[name](message) : logger[name](message, data),
          ignore,
        );
      } catch {
        // There is nowhere left to say it: the place for saying things is what broke.
      }
    };
  return {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
}
