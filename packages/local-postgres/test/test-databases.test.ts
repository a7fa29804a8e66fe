import { Client } from "pg";
import { afterAll, describe, expect, inject, it, vi } from "vitest";
import { testDatabases, useTestDatabase } from "../../../test/database.ts";
import { type TestDatabase, createTestDatabases, serveTestPostgres } from "../src/testing/index.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query<{ value: unknown }>(sql)).rows.map(({ value }) => value);
  } finally {
    await client.end();
  }
}

const exists = async (database: TestDatabase): Promise<boolean> =>
  query(database.url, "select 1").then(
    () => true,
    () => false,
  );

describe("databases from a template", () => {
  let built = 0;
  const databases = testDatabases({
    template: async (client) => {
      built += 1;
      await client.query("create table seats (value text)");
      await client.query("insert into seats values ($1)", ["12A"]);
    },
  });
  afterAll(() => databases.close());

  it("are copies of it, each for itself, and it is made once", async () => {
    const [one, two] = await Promise.all([databases.open(), databases.open()]);
    await query(one.url, "insert into seats values ('12B')");
    expect(await query(one.url, "select value from seats order by 1")).toEqual(["12A", "12B"]);
    expect(await query(two.url, "select value from seats order by 1")).toEqual(["12A"]);
    expect(built).toBe(1);
    await one.drop();
    expect(await exists(one)).toBe(false);
    expect(await exists(two)).toBe(true);
  });
});

describe("close", () => {
  it("drops all databases and the template", async () => {
    const names: string[] = [];
    const databases = testDatabases({
      template: async (client, url) => {
        await client.query("create table t ()");
        names.push(new URL(url).pathname.slice(1));
      },
    });
    const other = testDatabases();
    await using witness = await other.open();
    names.push((await databases.open()).name, (await databases.open()).name);
    const left = `select datname as value from pg_database where datname in ('${names.join("','")}')`;
    expect(await query(witness.url, left)).toHaveLength(3);
    await databases.close();
    expect(await query(witness.url, left)).toEqual([]);
  });

  it("tells of connections that were left open, and drops all the same", async () => {
    const databases = testDatabases();
    const database = await databases.open();
    const leaked = new Client(database.url);
    const broken = new Promise((resolve) => {
      leaked.on("error", resolve);
    });
    await leaked.connect();
    await expect(databases.close()).rejects.toMatchObject({
      code: "LEAKED_CONNECTIONS",
      database: database.name,
    });
    await broken;
    expect(await exists(database)).toBe(false);
  });

  it("drops the template that could not be filled", async () => {
    const databases = testDatabases({ template: (client) => client.query("nonsense") });
    await expect(databases.open()).rejects.toMatchObject({ code: "42601" });
    await databases.close();
  });
});

describe("a file's own database", () => {
  const url = useTestDatabase((client) => client.query("create table t (value int)"));

  it("is there for its tests, with what the template holds", async () => {
    // test-databases-beside.test.ts does the same: in one database, one of them would fail.
    expect(await query(url(), "select value from t")).toEqual([]);
    await query(url(), "create table only_here ()");
  });
});

describe("the Postgres of a test run", () => {
  it("is the one of DATABASE_URL where that is set", async () => {
    await using postgres = await serveTestPostgres({ databaseUrl: "postgres://elsewhere/x" });
    expect(postgres.address).toBe("postgres://elsewhere/x");
  });

  it("is had only by those who were told the address", async () => {
    await using postgres = await serveTestPostgres({ databaseUrl: "" });
    const guess = createTestDatabases(new URL("/guess", postgres.address).href);
    await expect(guess.open()).rejects.toMatchObject({ code: "START_FAILED" });
  });

  it("is one for all", async () => {
    const address = inject("testPostgres");
    await using one = await createTestDatabases(address).open();
    await using two = await createTestDatabases(address).open();
    expect(new URL(one.url).host).toBe(new URL(two.url).host);
  });
});
