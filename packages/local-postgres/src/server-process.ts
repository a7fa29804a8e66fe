/**
 * Owns the running Postgres: starts it behind the guard script, waits until it is ready, brings it down.
 * It never chooses the directory, the binaries or the port.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import {
  DirectoryInUseError,
  PortTakenError,
  StartFailedError,
  StopFailedError,
} from "./errors.ts";
import { guardScript } from "./guard-script.ts";

export interface ServerSettings {
  readonly binaries: Binaries;
  /** As whom, undefined for ourselves. */
  readonly account: Account | undefined;
  readonly dir: string;
  /** Whether `dir` is made for this server and goes with it. */
  readonly temporary: boolean;
  readonly durable: boolean;
  readonly port: number;
  /** The superuser's, should a new cluster be made. */
  readonly password: string;
}

/** How long a fast shutdown may take before an immediate one is asked for, and that one after it. */
const shutdownMs = 10_000;
/** From the start of initdb until connections are accepted; usually one to two seconds. */
const startDeadlineMs = 60_000;
const logChars = 8192;

/**
 * One Postgres with its guard.
 *
 * | state | entered | left |
 * |---|---|---|
 * | starting | by the constructor | when the log says that connections are accepted, or at the exit |
 * | serving | as above | when stop() is called, or at the exit |
 * | stopping | by stop(), which asks for a fast shutdown, then for an immediate one | at the exit |
 * | exited | when Postgres and its guard are gone | never |
 */
export class ServerProcess {
  readonly #settings: ServerSettings;
  readonly #guard: ChildProcessByStdio<Writable, null, Readable>;
  readonly #exited: Promise<void>;
  readonly #ready: Promise<void>;
  /** Written by the listener of stderr only. */
  #log = "";

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    const { binaries, account, dir, temporary, durable, password } = settings;
    this.#guard = spawn(
      "/bin/sh",
      [
        "-c",
        guardScript,
        "millrace-postgres",
        dir,
        temporary ? "temporary" : "kept",
        binaries.initdb,
        binaries.postgres,
        temporary || !durable ? "--no-sync" : "",
        ...postgresOptions(settings),
      ],
      {
        ...account,
        cwd: "/",
        env: environment(),
        stdio: ["pipe", "ignore", "pipe"],
        // A session of its own: Ctrl-C in the terminal is for our process, which then stops Postgres in its own time.
        detached: true,
      },
    );
    this.#exited = new Promise((resolve) => {
      this.#guard.once("close", () => resolve());
      this.#guard.once("error", (error) => {
        this.#log += error.message;
        resolve();
      });
    });
    this.#ready = new Promise((resolve) => {
      this.#guard.stderr.setEncoding("utf8").on("data", (text: string) => {
        this.#log = (this.#log + text).slice(-logChars);
        if (this.#log.includes("ready to accept connections")) resolve();
      });
    });
    // Should the guard be killed, its listener still lives, and must hear from us that all is over.
    this.#guard.once("exit", () => this.#guard.stdin.destroy());
    // Writing to a guard that is gone fails; its exit says so better.
    this.#guard.stdin.on("error", () => {});
    this.#guard.stdin.write(`${password}\n`);
  }

  /**
   * Resolves when Postgres accepts connections. When it rejects, Postgres is gone.
   *
   * @throws PortTakenError, DirectoryInUseError, StartFailedError; the signal's reason.
   */
  async ready(signal: AbortSignal | undefined): Promise<void> {
    const deadline = AbortSignal.timeout(startDeadlineMs);
    const over = new AbortController();
    try {
      const outcome = await new Promise<"ready" | "exited" | "aborted" | "late">((resolve) => {
        void this.#ready.then(() => resolve("ready"));
        void this.#exited.then(() => resolve("exited"));
        const listening = { once: true, signal: over.signal };
        deadline.addEventListener("abort", () => resolve("late"), listening);
        signal?.addEventListener("abort", () => resolve("aborted"), listening);
        if (signal?.aborted) resolve("aborted");
      });
      if (outcome === "ready") return;
      if (outcome === "exited") throw this.#startError();
      await this.#stopAtOnce();
      if (outcome === "aborted") throw signal?.reason;
      throw new StartFailedError(`it was not ready after ${startDeadlineMs} ms`, this.#log);
    } finally {
      over.abort();
    }
  }

  /** Why it went down instead of coming up; the log tail is all there is to go by. */
  #startError(): Error {
    const { port, dir } = this.#settings;
    if (/could not bind .*: Address already in use/.test(this.#log))
      return new PortTakenError(port);
    if (/lock file "postmaster\.pid" already exists/.test(this.#log)) {
      return new DirectoryInUseError(dir);
    }
    return new StartFailedError("it exited", this.#log);
  }

  /**
   * Brings Postgres down by a fast shutdown: clients are disconnected, data are written, and what does not end within ten
   * seconds is ended without ceremony.
   *
   * @throws StopFailedError when Postgres is still there ten seconds after that.
   */
  async stop(): Promise<void> {
    this.#guard.stdin.write("INT\n");
    if (!(await this.#exitsWithin(shutdownMs))) await this.#stopAtOnce();
    // Gone already, unless the guard was killed before it could clean up.
    if (this.#settings.temporary) await rm(this.#settings.dir, { recursive: true, force: true });
  }

  async #stopAtOnce(): Promise<void> {
    this.#guard.stdin.end();
    if (!(await this.#exitsWithin(shutdownMs))) throw new StopFailedError(shutdownMs, this.#log);
  }

  async #exitsWithin(ms: number): Promise<boolean> {
    const timer = new AbortController();
    try {
      return await Promise.race([
        this.#exited.then(() => true),
        sleep(ms, false, { signal: timer.signal }),
      ]);
    } finally {
      timer.abort();
    }
  }
}

function postgresOptions({ port, durable }: ServerSettings): string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 100,
    timezone: "UTC",
    log_timezone: "UTC",
    // ready() reads the log, so it has to come to us, and in English.
    log_destination: "stderr",
    logging_collector: "off",
    lc_messages: "C",
    // Not synchronous_commit: without it, commits wait in Postgres's own memory, which a killed process loses.
    ...(durable ? {} : { fsync: "off", full_page_writes: "off" }),
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Nothing of ours but the path: PGDATA, PGPORT and the like would be obeyed. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
}
