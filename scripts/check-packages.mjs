/**
 * Owns the check of what would be published: publint and attw over each package that is not private.
 * It never publishes.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const packages = readdirSync("packages")
  .map((name) => `packages/${name}`)
  .filter((folder) => existsSync(`${folder}/package.json`))
  .filter((folder) => JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).private !== true);

for (const folder of packages) {
  run("publint", ["--strict", folder]);
  run("attw", ["--pack", folder, "--profile", "esm-only"]);
}

function run(command, args) {
  const { status, error } = spawnSync("npx", ["--no-install", command, ...args], {
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error(`${command} ${args.join(" ")} failed${error === undefined ? "" : `: ${error}`}`);
    process.exit(1);
  }
}
