import { expect, it } from "vitest";
import { runSnippet, snippetsOf, useLocalSqs } from "./guide.ts";

const snippets = snippetsOf("README.md");

it("has the snippets that are run here", () => {
  expect(snippets).toHaveLength(2);
});

it("first use: a message is sent, handled, and SIGTERM stops the consumer", async () => {
  const { env } = await useLocalSqs();
  const { child, exit, printed, printing } = runSnippet(snippets[0] ?? "", env);
  await printing("hello, world\n");
  expect(printed).toEqual({ out: "hello, world\n", err: "" });
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
});

it("what a handler can say: starts and stops", async () => {
  const { env } = await useLocalSqs();
  const { exit, printed } = runSnippet(snippets[1] ?? "", env);
  expect(await exit).toEqual([0, null]);
  expect(printed.err).toBe("");
});
