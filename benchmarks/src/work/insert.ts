/**
 * Owns the handler that writes a row for each message. It never makes the table.
 */
import { Pool } from "pg";
import type { Meter } from "../peers/meter.ts";
import type { Work } from "./handler.ts";

export interface InsertSpec {
  readonly kind: "insert";
  readonly url: string;
  /** Of the pool. */
  readonly connections: number;
}

/** One row a message, and one statement for all of a batch. */
export function insert({ url, connections }: InsertSpec, meter: Meter): Work {
  const pool = new Pool({ connectionString: url, max: connections });
  return {
    handle: async (body) => {
      await pool.query("insert into benchmark_rows (body) values ($1)", [body]);
      meter.count(1);
    },
    handleBatch: async (bodies) => {
      await pool.query("insert into benchmark_rows (body) select * from unnest($1::text[])", [
        bodies,
      ]);
      meter.count(bodies.length);
    },
  };
}
