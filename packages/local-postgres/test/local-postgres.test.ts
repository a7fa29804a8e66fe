import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Client } from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PortTakenError, startLocalPostgres } from "../src/index.ts";
import { freePort } from "../src/free-port.ts";
import { start } from "../src/local-postgres.ts";
import { useTemporaryFiles } from "./temporary-files.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const files = useTemporaryFiles();
afterEach(async () => {
  const left = await files.leftBehind();
  if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows.map(
      (row) => Object.values(row)[0],
    );
  } finally {
    await client.end();
  }
}

/** Somebody else, listening. */
async function occupyPort(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

describe("a server without options", () => {
  it("stores rows, disconnects its clients when it stops, and takes its data along", async () => {
    const postgres = await startLocalPostgres();
    const client = new Client(postgres.url);
    const broken = new Promise((resolve) => {
      client.on("error", resolve);
    });
    await client.connect();
    await client.query("create table t (a text)");
    await client.query("insert into t values ('ö')");
    expect(await query(postgres.url, "select a from t")).toEqual(["ö"]);
    expect(await query(postgres.url, "show fsync")).toEqual(["on"]);
    expect(await files.leftBehind()).toHaveLength(1);

    await Promise.all([postgres.stop(), postgres.stop()]);
    await postgres.stop();
    expect(await files.leftBehind()).toEqual([]);
    expect(await broken).toMatchObject({ code: "57P01" });
    await expect(query(postgres.url, "select 1")).rejects.toThrow("ECONNREFUSED");
  });

  it("takes another port when the one it picked is snatched away", async () => {
    await using taken = await occupyPort();
    const offers = [taken.port];
    await using postgres = await start(
      { dir: await files.openDirectory(), durable: false },
      async () => offers.pop() ?? (await freePort(0)),
    );
    expect(offers).toEqual([]);
    expect(await query(postgres.url, "select 1")).toEqual([1]);
  });
});

it("serves beside another one, alike on every machine, closed to the outside, whatever its start's signal does", async () => {
  const controller = new AbortController();
  const port = await freePort(0);
  await using one = await startLocalPostgres({ durable: false, signal: controller.signal, port });
  await using two = await startLocalPostgres({ durable: false });
  controller.abort();

  await query(one.url, "create table t (a int)");
  await expect(query(two.url, "table t")).rejects.toMatchObject({ code: "42P01" });

  expect(one.url).toContain(`@127.0.0.1:${port}/`);
  const wrong = one.url.replace(/:[0-9a-f]+@/, ":wrong@");
  await expect(query(wrong, "select 1")).rejects.toMatchObject({ code: "28P01" });

  const settings = {
    server_encoding: "UTF8",
    lc_ctype: "C",
    TimeZone: "UTC",
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "100",
    password_encryption: "scram-sha-256",
    fsync: "off",
  };
  const names = Object.keys(settings).map((name) => `'${name}', current_setting('${name}', true)`);
  const shown = await query(one.url, `select json_build_object(${names.join()})`);
  expect(shown).toEqual([{ ...settings, lc_ctype: null }]);
  expect(
    await query(one.url, "select datcollate from pg_database where datname = 'postgres'"),
  ).toEqual(["C"]);
});

describe("a given port", () => {
  it("that is taken is an error of one line", async () => {
    await using taken = await occupyPort();
    const error = await startLocalPostgres({ port: taken.port }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PortTakenError);
    expect(error).toMatchObject({
      code: "PORT_TAKEN",
      port: taken.port,
      message: `port ${taken.port} of 127.0.0.1 is taken; choose another, or 0 for any free one`,
    });
  });

  it("that is taken after the look is the same error, and is not replaced by another", async () => {
    await using taken = await occupyPort();
    await expect(
      start({ port: taken.port }, (wanted) => Promise.resolve(wanted)),
    ).rejects.toMatchObject({ code: "PORT_TAKEN", port: taken.port });
  });

  it.each([-1, 65_536, 1.5, Number.NaN, "5432"])("%s is refused", async (port) => {
    await expect(startLocalPostgres({ port: port as number })).rejects.toMatchObject({
      code: "INVALID_OPTION",
      option: "port",
      received: port,
    });
  });
});

describe("a given directory", () => {
  it("keeps data and password for the next start, and a Postgres that cannot read them says why", async () => {
    const dir = join(await files.openDirectory(), "new", "data");
    const first = await startLocalPostgres({ dir, durable: false });
    await query(first.url, "create table t as select 7 as a");
    await first.stop();

    await using second = await startLocalPostgres({ dir, durable: false, port: first.port });
    expect(second.dir).toBe(dir);
    expect(second.url).toBe(first.url);
    expect(await query(second.url, "select a from t")).toEqual([7]);
    expect((await stat(join(dir, "cluster", "password"))).mode & 0o777).toBe(0o600);
    await second.stop();

    await writeFile(join(dir, "cluster", "data", "PG_VERSION"), "9.6\n");
    await expect(startLocalPostgres({ dir })).rejects.toMatchObject({
      code: "START_FAILED",
      log: expect.stringContaining("not compatible with this version"),
    });
  });

  it("serves one only, also when two start at the same time", async () => {
    const dir = await files.openDirectory();
    const results = await Promise.allSettled(
      [1, 2].map(() => startLocalPostgres({ dir, durable: false })),
    );
    const started = results.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
    const refused = results.flatMap((r): unknown[] => (r.status === "rejected" ? [r.reason] : []));
    const inUse = {
      code: "DIRECTORY_IN_USE",
      dir,
      message: `another Postgres is running on ${dir}`,
    };
    expect(refused).toMatchObject([inUse]);
    await expect(startLocalPostgres({ dir })).rejects.toMatchObject(inUse);
    expect(await query(started[0]?.url ?? "", "select 1")).toEqual([1]);
    await started[0]?.stop();
  });

  it("with other things in it is refused and left as it is", async () => {
    const dir = await files.openDirectory();
    await writeFile(join(dir, "thesis.txt"), "three years");
    await expect(startLocalPostgres({ dir })).rejects.toMatchObject({
      code: "DIRECTORY_UNUSABLE",
      message: `${dir} cannot be used: it holds other things, such as thesis.txt`,
    });
    expect(await readFile(join(dir, "thesis.txt"), "utf8")).toBe("three years");
  });

  it("that is a file is refused", async () => {
    const file = join(await files.privateDirectory(), "file");
    await writeFile(file, "");
    await expect(startLocalPostgres({ dir: file })).rejects.toMatchObject({
      code: "DIRECTORY_UNUSABLE",
    });
  });

  it.runIf(process.getuid?.() === 0)(
    "out of reach for the user that root runs Postgres as is refused",
    async () => {
      const dir = join(await files.privateDirectory(), "data");
      await expect(startLocalPostgres({ dir })).rejects.toMatchObject({
        code: "DIRECTORY_UNUSABLE",
        message: expect.stringContaining("cannot reach it"),
      });
    },
  );

  it("must have a name", async () => {
    await expect(startLocalPostgres({ dir: "" })).rejects.toMatchObject({
      code: "INVALID_OPTION",
      option: "dir",
    });
  });
});

describe("a start that is given up", () => {
  it("before it began does nothing", async () => {
    const reason = new Error("no time");
    await expect(startLocalPostgres({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it("while the cluster is made leaves nothing", async () => {
    const controller = new AbortController();
    const starting = startLocalPostgres({ signal: controller.signal });
    const outcome = starting.then(
      () => "started",
      (error: unknown) => error,
    );
    // Turns of the event loop, until the guard has made its directory.
    while ((await files.leftBehind()).length === 0) await setImmediate();
    const reason = new Error("no time");
    controller.abort(reason);
    expect(await outcome).toBe(reason);
  });
});
