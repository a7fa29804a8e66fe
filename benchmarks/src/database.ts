/**
 * Owns the Postgres that rows go into: started when a case first asks for it, with the table that handlers
 * write to. It ends with the suite.
 */
import { startLocalPostgres } from "@millrace/local-postgres";
import type { LocalPostgres } from "@millrace/local-postgres";
import { Client } from "pg";

export class Database implements AsyncDisposable {
  readonly #signal: AbortSignal;
  #starting: Promise<LocalPostgres> | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** The URL of a database with an empty table `benchmark_rows`. */
  async emptied(): Promise<string> {
    // Durable, as a production server is: commits wait for the disk.
    this.#starting ??= startLocalPostgres({ signal: this.#signal });
    const { url } = await this.#starting;
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query("drop table if exists benchmark_rows");
      await client.query(
        "create table benchmark_rows (id bigint generated always as identity primary key, body text not null)",
      );
    } finally {
      await client.end();
    }
    return url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const postgres = await this.#starting?.catch(() => undefined);
    await postgres?.stop();
  }
}
