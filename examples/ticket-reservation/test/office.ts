/**
 * Owns the ticket office as tests need it: tables, a queue in this process, and the web server and workers that a
 * test asks for. It never says what has to come of it.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { SqsService } from "@millrace/local-sqs";
import { OutboxRelay } from "millrace/postgres";
import { Client, Pool } from "pg";
import { expect, onTestFinished, vi } from "vitest";
import { databasePool } from "programs";
import { useTestDatabase } from "../../../test/database.ts";
import { webConnections } from "../src/connections.ts";
import { decidingConsumer } from "../src/office/deciding-consumer.ts";
import type { DecidingConsumerOptions } from "../src/office/deciding-consumer.ts";
import { createEvent } from "../src/office/events.ts";
import { createTables, dropConstraints } from "../src/office/tables.ts";
import { ChangeFeed } from "../src/web/change-feed.ts";
import { buildServer } from "../src/web/server.ts";

export interface ServeOptions {
  readonly url?: string | undefined;
  readonly queue?: string | undefined;
  readonly requestTimeoutMs?: number | undefined;
}

/** The web server, listening. */
export interface Served extends AsyncDisposable {
  readonly address: string;
  readonly server: Server;
  readonly feed: ChangeFeed;
  readonly pool: Pool;
  /** What the server reported. */
  readonly faults: unknown[];
}

/**
 * A database for the calling file, with the evening `gala`: rows A and B, four seats each.
 *
 * @param constraints whether the tables would stop a seat from being sold twice by themselves.
 */
export function useOffice({ constraints = true } = {}): Office {
  return new Office(
    useTestDatabase(async (_, url) => {
      const pool = new Pool({ connectionString: url });
      await createTables(pool);
      if (!constraints) await dropConstraints(pool);
      await createEvent(pool, { id: "gala", name: "The gala", seats: 8, seatsPerRow: 4 });
      await pool.end();
    }),
  );
}

export class Office {
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  get url(): string {
    return this.#url();
  }

  /** A pool that at the test's end must have got all of its clients back. */
  pool(): Pool {
    const pool = databasePool(this.#url(), { max: 10, applicationName: "tests" });
    onTestFinished(() => endPool(pool));
    return pool;
  }

  /** Puts an evening of its own on sale: as many rows as there are fours. */
  async event(id: string, seats: number): Promise<string> {
    await createEvent(this.pool(), { id, name: id, seats, seatsPerRow: 4 });
    return id;
  }

  async rows<Row extends object>(sql: string, ...values: unknown[]): Promise<Row[]> {
    const client = new Client(this.#url());
    await client.connect();
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** A queue. Messages come again after a second. */
  async queue(): Promise<{ sqs: SqsService; queue: string }> {
    const sqs = new SqsService();
    onTestFinished(() => sqs.close());
    const { QueueUrl: queue = "" } = await sqs.call("CreateQueue", {
      QueueName: "reservations",
      Attributes: { VisibilityTimeout: "1" },
    });
    return { sqs, queue };
  }

  /** The web server, listening; its changes are heard. What it takes stays in the outbox. */
  async serve(options: ServeOptions = {}): Promise<Served> {
    const { url = this.#url(), queue = "reservations", requestTimeoutMs } = options;
    const faults: unknown[] = [];
    const report = (fault: unknown): void => void faults.push(fault);
    const pool = databasePool(url, webConnections);
    const feed = new ChangeFeed(url, report);
    feed.start();
    const app = await buildServer({ pool, feed, queue, onFault: report, requestTimeoutMs });
    const address = await app.listen({ host: "127.0.0.1", port: 0 });
    const close = async (): Promise<void> => {
      await app.close();
      await feed[Symbol.asyncDispose]();
      await endPool(pool);
    };
    return { address, server: app.server, feed, pool, faults, [Symbol.asyncDispose]: close };
  }

  /** Workers for a queue, started; and the relay that fills it. */
  async decide(
    options: Pick<DecidingConsumerOptions, "queue" | "sqs" | "onDuplicate"> & {
      readonly concurrency?: number;
    },
  ): Promise<ReturnType<typeof decidingConsumer>> {
    const pool = this.pool();
    const consumer = decidingConsumer({ pool, concurrency: 8, ...options });
    const relay = new OutboxRelay(pool, { sqs: options.sqs });
    onTestFinished(async () => {
      await relay.stop();
      await consumer.stop();
    });
    await consumer.start();
    await relay.start();
    return consumer;
  }
}

/** Has the queries of a pool wait on their way. `asked` resolves at the first. */
export function holdQueries(pool: Pool): { readonly asked: Promise<void>; letGo: () => void } {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>;
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const asked = new Promise<void>((resolve) => {
    const late = async (...args: unknown[]): Promise<unknown> => {
      resolve();
      await held;
      return query(...args);
    };
    Object.assign(pool, { query: late });
  });
  return { asked, letGo };
}

async function endPool(pool: Pool): Promise<void> {
  // A request whose sender has gone may still be at work.
  await vi.waitFor(() => {
    expect(pool.totalCount - pool.idleCount, "clients that are not back").toBe(0);
  });
  await pool.end();
}

/** A port of 127.0.0.1 on which nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
