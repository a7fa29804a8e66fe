/** The guide's code is the example's: what it shows stands so in the file that it names, which other tests run. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../../../", import.meta.url);
const guide = readFileSync(new URL("docs/guides/web-server-and-workers.md", root), "utf8");

/** Lines without what they are indented by, so that a part is found wherever it stands. */
function flat(code: string): string {
  return code.replaceAll(/^[ \t]+/gm, "").trim();
}

const snippets = [...guide.matchAll(/<!-- from (\S+) -->\n\n```\w+\n(.*?)```/gs)].map(
  ([, file = "", code = ""]) => ({ file, code }),
);

it("has no other code than that, and commands", () => {
  const fences = [...guide.matchAll(/^```(\w+)$/gm)].map(([, language = ""]) => language);
  expect(fences.filter((language) => language !== "mermaid")).toHaveLength(snippets.length);
  expect(snippets).toHaveLength(4);
});

it.each(snippets)("shows $file as it is", ({ file, code }) => {
  expect(flat(readFileSync(new URL(file, root), "utf8"))).toContain(flat(code));
});

describe("names what there is:", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
    scripts: Record<string, string>;
  };

  it("scripts", () => {
    const named = [...guide.matchAll(/npm run ([\w:]+)/g)].map(([, script = ""]) => script);
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
    expect(named.length).toBeGreaterThan(4);
  });

  it("files", () => {
    const [, table = ""] = guide.split("| to see");
    const named = [...table.matchAll(/`([\w/-]+(?:\.ts|\/))`/g)].map(([, file = ""]) => file);
    const missing = named.filter(
      (file) => !existsSync(new URL(`examples/ticket-reservation/src/${file}`, root)),
    );
    expect(missing).toEqual([]);
    expect(named.length).toBeGreaterThan(10);
  });
});
