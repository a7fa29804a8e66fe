import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { FrailProxy } from "../frail-proxy.ts";
import { z } from "zod";
import { deadPort, holdQueries, useOffice } from "../office.ts";
import type { Served } from "../office.ts";
import { ask } from "./requests.ts";
import type { Answered } from "./requests.ts";

const office = useOffice();
const nobody = "5a9e0b63-6a53-4a39-8ac4-0e2d1f0a7b11";
let served: Served;
let address: string;
beforeAll(async () => {
  served = await office.serve();
  ({ address } = served);
});
afterAll(() => served[Symbol.asyncDispose]());

const asked = { event: "gala", seat: "A1", customer: "ann@example.org" };

const gala = { id: "gala", name: "The gala", seats: 8, seatsPerRow: 4 };
const own = { id: nobody, seat: "A1", customer: "ann@example.org" };

/** What there is to look at in the OpenAPI document. */
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: Answers }>>>>;
}

type Answers = Readonly<
  Record<
    string,
    {
      readonly description: string;
      readonly content?: Readonly<
        Record<string, { readonly schema: Parameters<typeof z.fromJSONSchema>[0] }>
      >;
      readonly headers?: object;
    }
  >
>;

/** A problem, as RFC 9457 has it. */
function problem(answered: Answered): Record<string, unknown> {
  const body = answered.body as Record<string, unknown>;
  expect(answered.type).toBe("application/problem+json; charset=utf-8");
  expect(body).toMatchObject({ type: "about:blank", status: answered.status });
  expect(body["title"]).toEqual(expect.any(String));
  return body;
}

describe("POST /reservations", () => {
  it("answers 202 with an id; the row and its message are there, and nothing is decided yet", async () => {
    const { status, headers, body } = await ask(address, "/reservations", asked);
    expect({ status, body }).toEqual({
      status: 202,
      body: { id: expect.stringMatching(/^[0-9a-f-]{36}$/), state: "pending" },
    });
    const { id } = body as { id: string };
    expect(headers.get("location")).toBe(`/reservations/${id}`);
    expect((await ask(address, `/reservations/${id}`)).body).toEqual({
      ...asked,
      id,
      state: "pending",
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const stored = await office.rows(
      `SELECT queue, body::json, options->>'idempotencyKey' AS key FROM millrace_outbox
       WHERE options->>'idempotencyKey' = $1`,
      id,
    );
    expect(stored).toEqual([
      { queue: "reservations", key: id, body: { id, event: "gala", seat: "A1" } },
    ]);
  });

  it.each<[what: string, body: unknown, pointer: string]>([
    ["a name is missing", { event: "gala", seat: "A1" }, "/customer"],
    ["there is one too many", { ...asked, price: 0 }, "/price"],
    ["the seat is no seat", { ...asked, seat: "a1; DROP TABLE" }, "/seat"],
    ["the event is no string", { ...asked, event: 7 }, "/event"],
    ["the customer has no name", { ...asked, customer: "" }, "/customer"],
    ["the customer's name is endless", { ...asked, customer: "x".repeat(101) }, "/customer"],
    ["it is a list", [asked], ""],
  ])("is refused with 400 and the place where %s", async (_, body, pointer) => {
    const answered = await ask(address, "/reservations", body);
    expect(answered.status).toBe(400);
    expect(problem(answered)).toMatchObject({
      title: "Bad Request",
      detail: "the body is invalid",
      errors: expect.arrayContaining([{ pointer, detail: expect.any(String) }]),
    });
  });

  it("tells of all that is wrong at once", async () => {
    const { errors } = problem(await ask(address, "/reservations", { seat: "!", event: "!" }));
    expect((errors as { pointer: string }[]).map(({ pointer }) => pointer).toSorted()).toEqual([
      "/customer",
      "/event",
      "/seat",
    ]);
  });

  it.each<[status: number, what: string, path: string, body: unknown]>([
    [400, "no JSON", "/reservations", "{"],
    [413, "a body of more than a kilobyte", "/reservations", { ...asked, x: "x".repeat(1_024) }],
    [404, "no such seat", "/reservations", { ...asked, seat: "C1" }],
    [404, "no such event", "/reservations", { ...asked, event: "nothing" }],
    [404, "no such reservation", `/reservations/${nobody}`, undefined],
    [400, "no id", "/reservations/4711", undefined],
    [404, "no such event's seats", "/events/nothing/seats", undefined],
    [404, "no such event's stream", "/events/nothing/stream", undefined],
    [400, "names that are none", "/events/gala/stream?customers=a,,b", undefined],
    [404, "no such path", "/nowhere?secret=1", undefined],
    [400, "a path that cannot be read", "/%E0%A4%A", undefined],
  ])("%i: %s", async (status, _, path, body) => {
    const answered = await ask(address, path, body);
    expect(answered.status).toBe(status);
    expect(JSON.stringify(problem(answered))).not.toContain("secret");
    expect(served.faults).toEqual([]);
  });

  it("415: no JSON by its own account", async () => {
    const response = await fetch(`${address}/reservations`, { method: "POST", body: "{}" });
    expect(response.status).toBe(415);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  });

  it("stores nothing of what it refuses", async () => {
    await ask(address, "/reservations", { ...asked, customer: "ghost", seat: "Z99" });
    await ask(address, "/reservations", { ...asked, customer: "ghost", seat: "?" });
    expect(await office.rows("SELECT FROM tickets.reservations WHERE customer = 'ghost'")).toEqual(
      [],
    );
  });
});

/** Says something to a server that need not be HTTP, and resolves with all that it says until it hangs up. */
async function say(to: string, words: string): Promise<string> {
  const { port, hostname } = new URL(to);
  const socket = connect(Number(port), hostname);
  // What is cut off while it is sent, is reset.
  socket.on("error", () => {});
  socket.write(words);
  let heard = "";
  socket.setEncoding("utf8").on("data", (data: string) => (heard += data));
  await once(socket, "close");
  return heard;
}

/** The problem in what a server has said. */
function problemIn(heard: string): Record<string, unknown> {
  const [head = "", body = ""] = heard.split("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  const type = /^content-type: (.*)$/im.exec(head)?.[1] ?? null;
  return problem({ status, type, headers: new Headers(), body: JSON.parse(body) });
}

const post = (headers: string): string =>
  `POST /reservations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n`;

describe("what is no good request of HTTP", () => {
  it.each([
    ["no HTTP at all", "how do you do\r\n\r\n", 400],
    ["of a method that there is not", "BREW /pot HTTP/1.1\r\nhost: x\r\n\r\n", 400],
    ["of too many headers", `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, 431],
    ["for nobody", "GET /events HTTP/1.1\r\nconnection: close\r\n\r\n", 400],
    ["in chunks that are none", `${post("transfer-encoding: chunked")}nonsense\r\n`, 400],
    [
      "full of hope",
      `${post("connection: close\r\nexpect: a miracle\r\ncontent-length: 2")}{}`,
      417,
    ],
  ])("is answered by a problem, and cut off: %s", async (_, words, status) => {
    expect(problemIn(await say(address, words))["status"]).toBe(status);
  });

  it("is answered when it takes too long to arrive", async () => {
    await using slow = await office.serve({ requestTimeoutMs: 200 });
    expect(problemIn(await say(slow.address, post("content-length: 50")))["status"]).toBe(408);
  });

  it("is not answered within the answer to another", async () => {
    await using other = await office.serve();
    const stream = "GET /events/gala/stream HTTP/1.1\r\nhost: x\r\n\r\n";
    expect(await say(other.address, `${stream}nonsense\r\n\r\n`)).not.toContain("HTTP/1.1 400");
    const body = JSON.stringify({ ...asked, customer: "garbled" });
    const reservation = `${post(`content-length: ${body.length}`)}${body}`;
    expect(await say(other.address, `${reservation}nonsense\r\n\r\n`)).not.toContain(" 400 ");
  });

  it("is no fault of the server's when its sender hangs up", async () => {
    const other = await office.serve();
    const { port, hostname } = new URL(other.address);
    const socket = connect(Number(port), hostname);
    socket.write(`${post("content-length: 50")}{`);
    const [request] = (await once(other.server, "request")) as [IncomingMessage];
    const over = new Promise((resolve) => void request.once("close", resolve));
    socket.destroy();
    await over;
    await other[Symbol.asyncDispose]();
    expect(other.faults).toEqual([]);
  });
});

describe("a server that closes", () => {
  it.each([
    ["nothing", ""],
    ["half a head", "GET /events HTTP/1.1\r\n"],
  ])("does not wait for a connection on which %s has come", async (_, words) => {
    const other = await office.serve({ requestTimeoutMs: 60_000 });
    const accepted = once(other.server, "connection");
    const heard = say(other.address, words);
    await accepted;
    await other[Symbol.asyncDispose]();
    expect(await heard).toBe("");
  });

  it("waits for the rest of a request as long as for any", async () => {
    const other = await office.serve({ requestTimeoutMs: 200 });
    const requested = once(other.server, "request");
    const heard = say(other.address, post("content-length: 50"));
    await requested;
    await other[Symbol.asyncDispose]();
    await heard;
  });
});

describe("GET", () => {
  it("/events: what seats are sold for", async () => {
    const { status, body } = await ask(address, "/events");
    expect(status).toBe(200);
    expect(body).toContainEqual({ id: "gala", name: "The gala", seats: 8, seatsPerRow: 4 });
  });

  it("/events/:id/seats: the map, with what is sold", async () => {
    await office.event("mapped", 6);
    const map = async (): Promise<unknown> => (await ask(address, "/events/mapped/seats")).body;
    const hall = { id: "mapped", name: "mapped", seats: 6, seatsPerRow: 4 };
    expect(await map()).toEqual({ ...hall, taken: [] });
    await office.rows(
      "UPDATE tickets.seats SET reservation = $1 WHERE event = 'mapped' AND seat = 'B2'",
      nobody,
    );
    expect(await map()).toEqual({ ...hall, taken: ["B2"] });
  });

  it("/openapi.json: a valid document that describes every route", async () => {
    const { status, body } = await ask(address, "/openapi.json");
    expect(status).toBe(200);
    const document = body as { openapi: string; paths: Record<string, object> };
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(document.openapi).toBe("3.1.0");
    expect(
      Object.entries(document.paths).flatMap(([path, item]) =>
        Object.keys(item).map((method) => `${method} ${path}`),
      ),
    ).toEqual([
      "post /reservations",
      "get /reservations/{id}",
      "get /events",
      "get /events/{event}/seats",
      "get /events/{event}/stream",
      "get /health",
    ]);
  });

  it("/openapi.json: says of every answer what it means, and of what is taken where it is", async () => {
    const { paths } = (await ask(address, "/openapi.json")).body as Described;
    const answers = Object.values(paths).flatMap((item) =>
      Object.values(item).flatMap(({ responses }) => Object.values(responses)),
    );
    expect(answers.filter(({ description }) => description === "Default Response")).toEqual([]);
    expect(answers.filter(({ content }) => content === undefined)).toEqual([]);
    expect(paths["/reservations"]?.["post"]?.responses["202"]?.headers).toHaveProperty("location");
  });

  it("/openapi.json: describes what a stream carries", async () => {
    const { paths } = (await ask(address, "/openapi.json")).body as Described;
    const { content } = paths["/events/{event}/stream"]?.["get"]?.responses["200"] ?? {};
    const { schema } = content?.["text/event-stream"] ?? {};
    const described = z.fromJSONSchema(schema ?? false);
    const events = [
      { event: "snapshot", data: { ...gala, taken: ["A1"], reservations: [] } },
      { event: "changes", data: { taken: [], reservations: [{ ...own, state: "refused" }] } },
      { event: "beat", data: {} },
    ];
    expect(described.parse(events)).toEqual(events);
    for (const wrong of [
      { event: "snapshot", data: {} },
      { event: "changes", data: { taken: [] } },
      { event: "nothing", data: {} },
    ]) {
      expect(described.safeParse([wrong]).success).toBe(false);
    }
  });

  it("/health: healthy once changes are heard", async () => {
    await expect.poll(() => served.feed.listening, { timeout: 20_000, interval: 5 }).toBe(true);
    expect(await ask(address, "/health")).toMatchObject({
      status: 200,
      body: { status: "healthy" },
    });
  });
});

describe("while the database is away", () => {
  let away: Served;
  beforeAll(async () => {
    away = await office.serve({
      url: `postgres://nobody:secret@127.0.0.1:${await deadPort()}/nothing`,
    });
  });
  afterAll(() => away[Symbol.asyncDispose]());

  it.each<[path: string, body?: unknown]>([
    ["/reservations", asked],
    [`/reservations/${nobody}`],
    ["/events"],
    ["/events/gala/seats"],
    ["/events/gala/stream"],
    ["/health"],
  ])("%s answers 503, and when to come again", async (path, body) => {
    const reported = away.faults.length;
    const answered = await ask(away.address, path, body);
    expect(answered.status).toBe(503);
    expect(problem(answered)["detail"]).toBe("the database is away for now");
    expect(answered.headers.get("retry-after")).toBe("2");
    expect(away.faults.length).toBeGreaterThan(reported);
  });

  it("one that does not answer is given up while its sender still waits, and 503 is answered too", async () => {
    await using proxy = await FrailProxy.open(office.url);
    const url = new URL(office.url);
    url.port = new URL(proxy.address).port;
    await using silent = await office.serve({ url: url.href });
    expect(await ask(silent.address, "/events")).toMatchObject({ status: 200 });
    proxy.silence();
    const answered = await ask(silent.address, "/reservations", asked);
    expect(answered.status).toBe(503);
    expect(problem(answered)["detail"]).toBe("the database is away for now");
    expect(answered.headers.get("retry-after")).toBe("2");
    // The connection is given up with the request.
    expect((await ask(silent.address, "/reservations", asked)).status).toBe(202);
  });

  it.each<[what: string, error: Error]>([
    ["its name is not known", Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" })],
    ["names cannot be asked for", Object.assign(new Error("getaddrinfo"), { code: "EAI_AGAIN" })],
    ["no way leads there", Object.assign(new Error("connect"), { code: "EHOSTUNREACH" })],
    ["another takes the writes", Object.assign(new Error("read-only"), { code: "25006" })],
    [
      "the connection broke before",
      new Error("Client has encountered a connection error and is not queryable"),
    ],
  ])("503: %s", async (_, error) => {
    vi.spyOn(served.pool, "query").mockImplementationOnce(() => {
      throw error;
    });
    expect((await ask(address, "/events")).status).toBe(503);
    expect(served.faults.splice(0)).toEqual([error]);
  });

  it("a connection that breaks costs no more than its own request", async () => {
    const { pool } = served;
    const held = await pool.connect();
    const { rows } = await held.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    held.release();
    await office.rows("SELECT pg_terminate_backend($1)", rows[0]?.pid);
    const { status } = await ask(address, "/reservations", asked);
    expect([202, 503]).toContain(status);
    expect((await ask(address, "/reservations", asked)).status).toBe(202);
  });
});

describe("on its way down", () => {
  it("what is under way is answered, and its connection closes", async () => {
    const down = await office.serve();
    const { asked: underWay, letGo } = holdQueries(down.pool);
    const first = fetch(`${down.address}/events`);
    await underWay;
    const closed = down[Symbol.asyncDispose]();
    // The hooks of its end run one after the other; what is let go before them is an answer like any other.
    await expect.poll(() => down.server.listening).toBe(false);
    letGo();
    const { status, headers } = await first;
    expect({ status, connection: headers.get("connection") }).toEqual({
      status: 200,
      connection: "close",
    });
    await closed;
  });
});
