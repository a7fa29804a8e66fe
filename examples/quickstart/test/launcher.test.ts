import { expect, it } from "vitest";
import { npmAbove } from "../src/launcher.ts";

it("finds every npm above a process, by its title or its script", () => {
  const table = `
      1     0 /sbin/init
     20     1 -bash
     30    20 npm start
     31    30 sh -c npm run --silent --workspace quickstart start --
    140    31 /usr/bin/node /usr/lib/node_modules/npm/bin/npm-cli.js run start
    141   140 sh -c node dist/main.js
    150   141 node dist/main.js
    160     1 npm run something else
  `;
  expect(npmAbove(150, table)).toEqual([140, 30]);
});

it("finds none where there is none, and stands a table that makes no sense", () => {
  expect(npmAbove(5, "")).toEqual([]);
  expect(npmAbove(5, "5 4 node dist/main.js\n4 1 bash\nno table")).toEqual([]);
  expect(npmAbove(5, "5 4 node\n4 5 npm start")).toHaveLength(1);
});
