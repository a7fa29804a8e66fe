import { expect, it } from "vitest";
import { useTestDatabase } from "../../../../test/database.ts";
import { runSnippet, snippetsOf, useLocalSqs } from "../guide.ts";

const url = useTestDatabase();
const snippets = snippetsOf("docs/guides/exactly-once.md");

it("has the programs that are run here", () => {
  expect(snippets).toHaveLength(6);
});

it("has programs that outlive their connections", () => {
  for (const snippet of snippets) {
    expect(snippet).toContain('pool.on("error",');
    expect(snippet).toContain('pool.on("connect", (client) => client.on("error",');
  }
});

it.each([
  [0, "the inbox: two sends of one key are one effect", "order 4711 was done before\n1 order\n"],
  [1, "the lock: thirty buyers, one seat", "seat 4A was sold 1 time\n"],
  [2, "the outbox: a message goes with its row", "true true\n"],
  [3, "a query builder", "function\n"],
  [4, "batches", "50 readings\n"],
  [5, "migrations of one's own", "function stopped 0\n"],
])("program %i, %s", async (index, _, out) => {
  const { env } = await useLocalSqs();
  const { exit, printed } = runSnippet(snippets[index] ?? "", { ...env, DATABASE_URL: url() });
  expect(await exit).toEqual([0, null]);
  expect(printed).toEqual({ out, err: "" });
});
