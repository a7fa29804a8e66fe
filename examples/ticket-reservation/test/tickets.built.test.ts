import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { databasePool } from "programs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { expectOneLine, startNpm, useTemporaryDirectory } from "programs/testing";
import type { RunningProgram } from "programs/testing";
import { useTestDatabase } from "../../../test/database.ts";
import { deadPort } from "./office.ts";
import { quickstart, run, start } from "./programs.ts";
import type { ProgramName } from "./programs.ts";
import { ask } from "./web/requests.ts";

const nothingLeft = useTemporaryDirectory();
const databaseUrl = useTestDatabase();
/** Of the test that holds a seat: an outbox is emptied by whoever relays from it. */
const heldDatabaseUrl = useTestDatabase();

const addressLine = /(http:\/\/127\.0\.0\.1:\d+) {3}the ticket office; Ctrl-C ends it/;

async function addressOf(program: RunningProgram): Promise<string> {
  const [, address = ""] = await program.printed(addressLine);
  return address;
}

/** Asks for a seat, and waits for what becomes of it. */
async function reserve(address: string, seat: string, customer: string): Promise<unknown> {
  const request = { event: "friday", seat, customer };
  const { body } = await ask(address, "/reservations", request);
  const { id } = body as { id: string };
  const state = async (): Promise<unknown> => {
    const { body: reservation } = await ask(address, `/reservations/${id}`);
    return (reservation as { state: unknown }).state;
  };
  // Not expect.poll, which knows one test at a time, and these run side by side.
  await vi.waitUntil(async () => (await state()) !== "pending", { timeout: 50_000, interval: 20 });
  return state();
}

/** The processes that a program has started, by what they run. */
function childrenOf(pid: number): Map<string, number> {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  return new Map(
    lines
      .map((line) => /^\s*(\d+)\s+(\d+)\s+.*ticket-reservation\/dist\/(\w+)\.js/.exec(line))
      .filter((match) => match !== null && Number(match[2]) === pid)
      .map((match): [string, number] => [match?.[3] ?? "", Number(match?.[1])]),
  );
}

async function gone(pids: Iterable<number>): Promise<void> {
  const alive = [...pids].filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  });
  if (alive.length === 0) return;
  throw new Error(`still there: ${alive.join(", ")}`);
}

describe.concurrent("npm run tickets", () => {
  it("sells a seat once, and drains at Ctrl-C", async () => {
    const npm = startNpm("run", "tickets", "--", "--port", "0", "--workers", "2");
    const address = await addressOf(npm);
    expect(await reserve(address, "A1", "ann")).toBe("confirmed");
    expect(await reserve(address, "A1", "bob")).toBe("refused");
    expect((await ask(address, "/events/friday/seats")).body).toMatchObject({ taken: ["A1"] });
    npm.killGroup("SIGINT");
    const ended = await npm.ended;
    expect(ended.stderr.replaceAll(/^npm warn .*\n/gm, "")).toBe("");
    expect(ended.stdout).toMatch(/worker [12] {4}decided about A1 in/);
    expect(ended.stdout.match(/consumer {4}stopped within/g)).toHaveLength(2);
  });

  it("leaves a worker the time to give back what it cannot decide, and decides it the next time", async () => {
    const env = { DATABASE_URL: heldDatabaseUrl() };
    const program = start("main", ["--port", "0", "--workers", "1"], env);
    const address = await addressOf(program);
    await using pool = databasePool(heldDatabaseUrl(), { max: 2, applicationName: "tests" });
    const holder = await pool.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT FROM tickets.seats WHERE event = 'sunday' FOR UPDATE");
    await ask(address, "/reservations", { event: "sunday", seat: "A1", customer: "ann" });
    const waiting = async (): Promise<boolean> => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
         AND query LIKE 'UPDATE tickets.seats%' AND datname = current_database()`,
      );
      return rowCount === 1;
    };
    await vi.waitUntil(waiting, { timeout: 50_000, interval: 20 });
    program.kill("SIGINT");
    const { stdout, exitCode } = await program.ended;
    holder.release(true);
    expect(stdout).toMatch(/consumer {4}stopped within .*: finished 0, released 1/);
    expect(exitCode).toBe(0);

    // Its message went with the queue; the next run sends it anew.
    const next = start("main", ["--port", "0", "--workers", "1"], env);
    await next.printed(/1 undecided reservation of before: to be decided now/);
    await next.printed(/worker 1 +decided about A1 in/);
    next.kill("SIGINT");
    expect(await next.ended).toMatchObject({ exitCode: 0 });
  });

  it("goes on when its processes are killed, and takes them along when it is itself", async () => {
    const program = start("main", ["--port", "0", "--workers", "1"], {
      DATABASE_URL: databaseUrl(),
    });
    const address = await addressOf(program);
    const first = childrenOf(program.pid);
    expect([...first.keys()].toSorted()).toEqual(["sqs", "web", "worker"]);
    for (const name of ["web", "worker"]) process.kill(first.get(name) ?? 0, "SIGKILL");
    await program.printed(/the web server ended: ended by SIGKILL; another takes its place/);
    await program.printed(/worker 1 ended: ended by SIGKILL; another takes its place/);
    // At the same address again, with the reservations of before.
    const answers = (): Promise<boolean> =>
      fetch(`${address}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    await vi.waitUntil(answers, { timeout: 50_000, interval: 50 });
    expect(await reserve(address, "B1", "ann")).toBe("confirmed");

    const second = childrenOf(program.pid);
    program.kill("SIGKILL");
    await program.ended;
    await vi.waitFor(() => gone(second.values()), { timeout: 30_000, interval: 50 });
  });
});

describe.concurrent("web server and worker by themselves, with the servers of npm run local", () => {
  it("sell seats, and leave to the dead-letter queue what is none of theirs", async () => {
    const local = quickstart.start("local", ["--sqs-port", "0", "--postgres-port", "0"]);
    const [text] = await local.printed(/^export [\s\S]*npm run tickets:worker/m);
    const env = Object.fromEntries(
      [...text.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
    );
    const web = start("web", ["--port", "0"], env);
    const [address] = await web.printed(/http:\S+/);
    const worker = start("worker", [], env);
    expect(await reserve(address, "A1", "ann")).toBe("confirmed");
    expect(await quickstart.run("sender", ["--count", "1"], env)).toMatchObject({ exitCode: 0 });
    await worker.printed(/a message is given up: /);
    for (const program of [web, worker, local]) {
      program.kill("SIGINT");
      expect(await program.ended).toMatchObject({ exitCode: 0, stderr: "" });
    }
  });
});

describe.concurrent("what makes no sense gets one line and exit code 2", () => {
  it.each<[ProgramName, string, text: string | RegExp, env?: Record<string, string>]>([
    ["main", "--wrokers 2", "unknown option '--wrokers' (Did you mean --workers?)"],
    ["main", "", /QUEUE_URL: queue must be .* received "a b"/, { QUEUE_URL: "a b" }],
    ["main", "--workers 20", "more connections than Postgres has room for"],
    ["rush", "--workers 20 --concurrency 20", "more connections than Postgres has room for"],
  ])("%s %s", async (name, args, text, env = {}) => {
    const words = args === "" ? [] : args.split(" ");
    expectOneLine(await run(name, words, env), 2, text);
  });

  it("a DATABASE_URL that is none, which is not shown", async () => {
    const { exitCode, stderr } = await run("main", [], { DATABASE_URL: "secret" });
    expect(stderr).toMatch(/^error: DATABASE_URL must be postgres:[^\n]+\n$/);
    expect({ exitCode, shown: stderr.includes("secret") }).toEqual({ exitCode: 2, shown: false });
  });

  it("a FIFO queue", async () => {
    const env = { QUEUE_URL: "http://127.0.0.1:1/000000000000/orders.fifo" };
    expectOneLine(await run("main", [], env), 2, "queue must be a standard queue");
  });
});

describe.concurrent("what cannot be had gets one line and exit code 1", () => {
  /** Holds a port. */
  const other: Server = createServer();
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => void other.listen(0, "127.0.0.1", resolve));
    ({ port } = other.address() as AddressInfo);
  });
  afterAll(() => new Promise((resolve) => void other.close(resolve)));

  it("a port that is taken", async () => {
    const env = { DATABASE_URL: databaseUrl() };
    const text = `port ${port} of 127.0.0.1 is taken; --port names another`;
    expectOneLine(await run("main", ["--port", `${port}`], env), 1, text);
  });

  it("a database that does not answer, whose password is not shown", async () => {
    const DATABASE_URL = `postgres://someone:secret@127.0.0.1:${await deadPort()}/somewhere`;
    const ended = await run("main", ["--port", "0"], { DATABASE_URL });
    expectOneLine(ended, 1, "cannot use the database at 127.0.0.1:");
    expect(ended.stderr).not.toContain("secret");
  });
});

describe.concurrent("help", () => {
  it.each<[name: ProgramName, ...texts: string[]]>([
    ["main", "Usage: npm run tickets -- [options]", "--port <port>", "DATABASE_URL  ", "QUEUE_URL"],
    ["rush", "Usage: npm run tickets:rush -- [options]", "--requests <n>", "--unguarded"],
  ])("%s --help", async (name, ...texts) => {
    const { exitCode, stdout, stderr } = await run(name, ["--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const text of texts) expect(stdout).toContain(text);
  });
});

it("leaves nothing behind", nothingLeft);
