/**
 * Owns the errors of this package. It never depends on the library: a program that uses only a local
 * Postgres needs nothing else of Millrace.
 */

// The mark by which `MillraceError.is` knows an error of Millrace. It is looked up in the registry of symbols, so no import is needed.
const brand = Symbol.for("millrace.error");

/**
 * The base of every error of this package. Match on `code`, which is stable; `message` is one sentence
 * for people. `MillraceError.is` of the library holds for these errors too.
 */
export abstract class LocalPostgresError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** An option that cannot work. */
export class LocalPostgresOptionError extends LocalPostgresError {
  readonly code = "INVALID_OPTION";
  readonly option: string;
  /** What was given. */
  readonly received: unknown;

  constructor(option: string, expected: string, received: unknown) {
    super(`${option} must be ${expected}; received ${describe(received)}`);
    this.option = option;
    this.received = received;
  }
}

/** A short text for any value at all; never throws. */
function describe(value: unknown): string {
  try {
    const text = typeof value === "string" ? JSON.stringify(value) : String(value);
    return text.length > 100 ? `${text.slice(0, 100)}…` : text;
  } catch {
    return `a value of type ${typeof value}`;
  }
}

/** There are no Postgres binaries for this machine, or they do not run on it. */
export class UnsupportedPlatformError extends LocalPostgresError {
  readonly code = "UNSUPPORTED_PLATFORM";
  readonly platform: string;
  readonly arch: string;

  constructor(platform: string, arch: string, why: string, options?: ErrorOptions) {
    super(
      `no local Postgres on ${platform}-${arch}: ${why}; set DATABASE_URL to use a Postgres of your own`,
      options,
    );
    this.platform = platform;
    this.arch = arch;
  }
}

/** Something else listens on the port that was asked for by the option `port`. */
export class PortTakenError extends LocalPostgresError {
  readonly code = "PORT_TAKEN";
  readonly port: number;

  constructor(port: number, options?: ErrorOptions) {
    super(`port ${port} of 127.0.0.1 is taken; choose another, or 0 for any free one`, options);
    this.port = port;
  }
}

/** Another Postgres runs on the directory. */
export class DirectoryInUseError extends LocalPostgresError {
  readonly code = "DIRECTORY_IN_USE";
  readonly dir: string;

  constructor(dir: string) {
    super(`another Postgres is running on ${dir}`);
    this.dir = dir;
  }
}

/** The directory is not ours to use: of somebody else, full of other things, or out of reach. */
export class DirectoryUnusableError extends LocalPostgresError {
  readonly code = "DIRECTORY_UNUSABLE";
  readonly dir: string;

  constructor(dir: string, why: string, options?: ErrorOptions) {
    super(`${dir} cannot be used: ${why}`, options);
    this.dir = dir;
  }
}

/** Postgres did not come up. */
export class StartFailedError extends LocalPostgresError {
  readonly code = "START_FAILED";
  /** The last that initdb and Postgres wrote, at most 8 KB. */
  readonly log: string;

  constructor(why: string, log: string, options?: ErrorOptions) {
    const tail = log.trim();
    super(`Postgres did not start: ${why}${tail === "" ? "" : `\n${tail}`}`, options);
    this.log = log;
  }
}

/** Postgres did not go down, not even by an immediate shutdown. */
export class StopFailedError extends LocalPostgresError {
  readonly code = "STOP_FAILED";
  readonly log: string;

  constructor(withinMs: number, log: string) {
    super(`Postgres did not stop within ${withinMs} ms`);
    this.log = log;
  }
}
