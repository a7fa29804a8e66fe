/**
 * Owns a Postgres that goes down and comes up again on the same data and the same port. It never knows what
 * is in it.
 */
import { rmSync } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PortTakenError, startLocalPostgres } from "@millrace/local-postgres";
import type { LocalPostgres } from "@millrace/local-postgres";
import { sleep, systemClock } from "millrace";
import type { Random } from "millrace";
import { isAlive } from "./is-alive.ts";

/**
 * Below the ports that systems give to outgoing connections: while Postgres is down, one of those could be
 * given its port, even one that is about to connect to it.
 */
const ports = { from: 20_000, to: 32_000 } as const;
const portAttempts = 20;
const portRetryMs = 500;

/** What is left of it after its end. */
export interface Remains {
  readonly processes: number;
  readonly directories: number;
}

/**
 * A process that ends early takes its Postgres with it, and the data too; one that is killed leaves the data.
 */
export class RestartablePostgres implements AsyncDisposable {
  readonly #dir: string;
  /** Undefined while it is down. */
  #running: LocalPostgres | undefined;
  readonly url: string;
  readonly port: number;
  /** Of every Postgres there was. */
  readonly #pids: number[] = [];
  /** Counts the starts after the first. */
  #restarts = 0;

  private constructor(dir: string, running: LocalPostgres) {
    this.#dir = dir;
    this.#running = running;
    this.url = running.url;
    this.port = running.port;
    process.once("exit", this.#removeData);
  }

  /** Starts it in a directory of its own among the temporary files. */
  static async start(random: Random, signal: AbortSignal): Promise<RestartablePostgres> {
    const dir = join(tmpdir(), `millrace-soak-${randomUUID()}`);
    for (let attempt = 1; ; attempt += 1) {
      const port = ports.from + Math.floor(random() * (ports.to - ports.from));
      try {
        const running = await startLocalPostgres({ dir, port, durable: false, signal });
        const postgres = new RestartablePostgres(dir, running);
        postgres.#pids.push(await pidOf(dir));
        return postgres;
      } catch (error) {
        if (error instanceof PortTakenError && attempt < portAttempts) continue;
        await rm(dir, { recursive: true, force: true });
        throw error;
      }
    }
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Down, which cuts every connection, and after `downMs` up again. */
  async restart(downMs: number, signal: AbortSignal): Promise<void> {
    await this.#stop();
    await sleep(systemClock, downMs, signal);
    for (let attempt = 1; this.#running === undefined; attempt += 1) {
      try {
        const options = { dir: this.#dir, port: this.port, durable: false, signal };
        this.#running = await startLocalPostgres(options);
      } catch (error) {
        if (!(error instanceof PortTakenError) || attempt === portAttempts) throw error;
        await sleep(systemClock, portRetryMs, signal);
      }
    }
    this.#restarts += 1;
    this.#pids.push(await pidOf(this.#dir));
  }

  /** Stops it and removes its data. May be called again. */
  async end(): Promise<Remains> {
    await this.#stop();
    await rm(this.#dir, { recursive: true, force: true });
    process.off("exit", this.#removeData);
    const directory = await stat(this.#dir).catch(() => undefined);
    return {
      processes: this.#pids.filter(isAlive).length,
      directories: directory === undefined ? 0 : 1,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  readonly #removeData = (): void => rmSync(this.#dir, { recursive: true, force: true });

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.stop();
  }
}

/** The postmaster writes its own down first of all. */
async function pidOf(dir: string): Promise<number> {
  const [pid] = (await readFile(join(dir, "cluster", "data", "postmaster.pid"), "utf8")).split(
    "\n",
  );
  return Number(pid);
}
