/**
 * Owns the databases that tests get, each a copy of one template, and their removal. It never starts a
 * Postgres.
 */
import { randomBytes } from "node:crypto";
import { Client, DatabaseError } from "pg";
import { LocalPostgresError } from "../errors.ts";
import { serverUrl } from "./test-postgres.ts";

/** What fills a template: as much of a client of `pg` as that takes. */
export interface TemplateClient {
  query(sql: string, values?: unknown[]): Promise<unknown>;
}

/** Options of {@link createTestDatabases}. */
export interface TestDatabasesOptions {
  /**
   * Makes the tables that every database is to start with. Called once, before the first database, with
   * a client and, for migration tools, the URL of the template; all connections to it must be closed when
   * it resolves. Default: databases are empty.
   */
  readonly template?: ((client: TemplateClient, url: string) => Promise<unknown>) | undefined;
}

/** A database that nobody else knows of. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /**
   * Removes it. A second call waits for the first.
   *
   * @throws LeakedConnectionsError when somebody is still connected after 5 s; it is removed all the same.
   */
  drop(): Promise<void>;
}

/** Makes databases from one template. */
export interface TestDatabases extends AsyncDisposable {
  /** A new database, in some 50 ms. Any number may be asked for at once. */
  open(): Promise<TestDatabase>;
  /** Drops all that are left, and the template. */
  close(): Promise<void>;
}

/** A test ended with connections to its database open: a pool that nobody closed, most likely. */
export class LeakedConnectionsError extends LocalPostgresError {
  readonly code = "LEAKED_CONNECTIONS";
  readonly database: string;

  constructor(database: string, cause: DatabaseError) {
    super(`connections to the test database ${database} were left open`, { cause });
    this.database = database;
  }
}

/**
 * Databases for tests, on the server at `address`: that of `serveTestPostgres`, or the URL of any
 * Postgres whose user may create databases.
 */
export function createTestDatabases(
  address: string,
  options: TestDatabasesOptions = {},
): TestDatabases {
  const databases = new Databases(address, options.template);
  const close = (): Promise<void> => databases.close();
  return { open: () => databases.open(), close, [Symbol.asyncDispose]: close };
}

class Databases {
  readonly #address: string;
  readonly #fill: TestDatabasesOptions["template"];
  /** Those not dropped, the template included. */
  readonly #open = new Set<TestDatabase>();
  /** Written by the first open() only. */
  #template: Promise<TestDatabase> | undefined;

  constructor(address: string, fill: TestDatabasesOptions["template"]) {
    this.#address = address;
    this.#fill = fill;
  }

  async open(): Promise<TestDatabase> {
    const server = await serverUrl(this.#address);
    if (this.#fill === undefined) return this.#create(server, "template1");
    this.#template ??= this.#makeTemplate(server, this.#fill);
    return this.#create(server, (await this.#template).name);
  }

  async close(): Promise<void> {
    // The template is one of those that are open, even if it could not be filled.
    await this.#template?.catch(() => undefined);
    const results = await Promise.allSettled([...this.#open].map((database) => database.drop()));
    const errors = results.flatMap((result): unknown[] =>
      result.status === "rejected" ? [result.reason] : [],
    );
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, "test databases could not be dropped");
  }

  async #makeTemplate(
    server: string,
    fill: (client: TemplateClient, url: string) => Promise<unknown>,
  ): Promise<TestDatabase> {
    const template = await this.#create(server, "template1");
    await withClient(template.url, (client) => fill(client, template.url));
    return template;
  }

  async #create(server: string, template: string): Promise<TestDatabase> {
    // Both names are made here, of letters, digits and _, so they need no quoting.
    const name = `test_${randomBytes(8).toString("hex")}`;
    await withClient(server, (client) =>
      client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`),
    );
    let dropping: Promise<void> | undefined;
    const drop = (): Promise<void> =>
      (dropping ??= dropDatabase(server, name).finally(() => this.#open.delete(database)));
    const database = { name, url: withDatabase(server, name), drop, [Symbol.asyncDispose]: drop };
    this.#open.add(database);
    return database;
  }
}

async function dropDatabase(server: string, name: string): Promise<void> {
  await withClient(server, async (client) => {
    try {
      // Postgres itself gives the others five seconds to leave: a pool's end() resolves a little before they have.
      await client.query(`DROP DATABASE ${name}`);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== objectInUse) throw error;
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      throw new LeakedConnectionsError(name, error);
    }
  });
}

/** SQLSTATE object_in_use. */
const objectInUse = "55006";

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  // When the connection breaks, the query that waits is rejected as well: nothing is lost here.
  client.on("error", () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
