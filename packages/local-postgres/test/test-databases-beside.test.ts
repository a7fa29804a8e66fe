import { Client } from "pg";
import { expect, it } from "vitest";
import { useTestDatabase } from "../../../test/database.ts";

const url = useTestDatabase((client) => client.query("create table t (value int)"));

it("has a database that test-databases.test.ts knows nothing of", async () => {
  const client = new Client(url());
  await client.connect();
  await client.query("create table only_here ()");
  const tables = await client.query(
    "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1",
  );
  await client.end();
  expect(tables.rows).toEqual([{ relname: "only_here" }, { relname: "t" }]);
});
