/**
 * Owns the one Postgres of a test run, which starts when a test first asks for it. It never makes
 * databases: that is done by those who ask.
 *
 * Test runners set up in one process and run test files in others, so what is handed from one to the
 * other has to be a string: the address, where the Postgres URL is to be had for the asking.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type Server, type ServerResponse, createServer, get } from "node:http";
import { StartFailedError } from "../errors.ts";
import { type LocalPostgres, startLocalPostgres } from "../local-postgres.ts";

/** Options of {@link serveTestPostgres}. */
export interface TestPostgresOptions {
  /**
   * A Postgres that runs already, as a URL whose user may create databases. Default: DATABASE_URL of the
   * environment; if that is not set or empty, a local Postgres is started.
   */
  readonly databaseUrl?: string | undefined;
}

/** The Postgres of a test run; see {@link serveTestPostgres}. */
export interface TestPostgres extends AsyncDisposable {
  /** What {@link createTestDatabases} takes, in this process or another one of this machine. Secret. */
  readonly address: string;
  /** Stops Postgres, if it was started. For the end of the run. */
  stop(): Promise<void>;
}

/**
 * Makes a Postgres available to all test files of a run. Nothing is started before the first of them
 * wants a database, so that runs without such tests do not pay for it.
 *
 * Belongs into the global set-up of the test runner; in Vitest:
 *
 * ```ts
 * export default async function setup(project: TestProject) {
 *   const postgres = await serveTestPostgres();
 *   project.provide("testPostgres", postgres.address);
 *   return () => postgres.stop();
 * }
 * ```
 */
export async function serveTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const { databaseUrl = process.env["DATABASE_URL"] } = options;
  if (databaseUrl !== undefined && databaseUrl !== "") {
    return { address: databaseUrl, stop: leaveRunning, [Symbol.asyncDispose]: leaveRunning };
  }
  const broker = new Broker();
  await broker.listen();
  const stop = (): Promise<void> => broker.stop();
  return { address: broker.address, stop, [Symbol.asyncDispose]: stop };
}

/** A Postgres that was there before us stays. */
function leaveRunning(): Promise<void> {
  return Promise.resolve();
}

/** The URL of the Postgres at `address`, which may itself be one. */
export async function serverUrl(address: string): Promise<string> {
  if (!address.startsWith("http:")) return address;
  const request = get(address, { agent: false });
  const [response] = await once(request, "response");
  const text = (await response.setEncoding("utf8").toArray()).join("");
  if (response.statusCode !== 200) throw new StartFailedError(text, "");
  return text;
}

/** Answers each request for a path that only those know who were told, with the URL of a Postgres. */
class Broker {
  readonly #path = `/${randomBytes(16).toString("hex")}`;
  readonly #givenUp = new AbortController();
  readonly #server: Server;
  /** Written by the first request only. */
  #postgres: Promise<LocalPostgres> | undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      if (request.url === this.#path) void this.#answer(response);
      else response.writeHead(404).end();
    });
  }

  async #answer(response: ServerResponse): Promise<void> {
    try {
      // Databases of tests need not survive a power cut.
      this.#postgres ??= startLocalPostgres({ durable: false, signal: this.#givenUp.signal });
      response.end((await this.#postgres).url);
    } catch (error) {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error));
    }
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get address(): string {
    const address = this.#server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return `http://127.0.0.1:${port}${this.#path}`;
  }

  async stop(): Promise<void> {
    this.#givenUp.abort();
    this.#server.close();
    this.#server.closeAllConnections();
    const postgres = await this.#postgres?.catch(() => undefined);
    await postgres?.stop();
  }
}
