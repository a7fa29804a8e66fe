import { databasePool } from "programs";
import { useTemporaryDirectory } from "programs/testing";
import type { RunningProgram } from "programs/testing";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { useTestDatabase } from "../../../../test/database.ts";
import { createEvent } from "../../src/office/events.ts";
import { start as startProgram } from "../programs.ts";
import { hasBrowser, useBrowser } from "./browser.ts";
import type { Visit } from "./browser.ts";
import { FrailProxy } from "../frail-proxy.ts";

// The office as it is: a web server and a worker in processes of their own, SQS and Postgres on this machine.
describe.skipIf(!hasBrowser)("the page", () => {
  const nothingLeft = useTemporaryDirectory();
  const databaseUrl = useTestDatabase();
  let office: RunningProgram;
  let address = "";
  let pool: ReturnType<typeof databasePool>;

  beforeAll(async () => {
    pool = databasePool(databaseUrl(), { max: 2, applicationName: "tests" });
    const args = ["--port", "0", "--workers", "1"];
    office = startProgram("main", args, { DATABASE_URL: databaseUrl() });
    [address] = await office.printed(/http:\S+(?= {3}the ticket office)/);
  }, 60_000);

  afterAll(async () => {
    await pool.end();
    office.kill("SIGINT");
    expect(await office.ended).toMatchObject({ exitCode: 0, stderr: "" });
    await nothingLeft();
  }, 60_000);

  // The last, so that it ends first.
  const visitor = useBrowser();

  let events = 0;
  /** A new event, which nobody knows yet; answers its id. */
  async function newEvent(seats = 60, seatsPerRow = 12): Promise<string> {
    const id = `event-${++events}`;
    await createEvent(pool, { id, name: `Evening ${events}`, seats, seatsPerRow });
    return id;
  }

  /** Somebody else buys a seat; resolves when it is theirs. */
  async function sellToAnother(event: string, seat: string): Promise<void> {
    const response = await fetch(`${address}/reservations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event, seat, customer: "another@example.org" }),
    });
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    await vi.waitFor(async () => {
      const answer = await fetch(`${address}/reservations/${id}`);
      expect(await answer.json()).toMatchObject({ state: "confirmed" });
    }, aWhile);
  }

  /** Has the next request for a seat wait on its way to the server. */
  async function holdRequest({ page }: Visit): Promise<{ letGo: () => void }> {
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await page.route("**/reservations", async (route) => {
      await held;
      await route.continue();
    });
    return { letGo };
  }

  it("shows a seat that is clicked as waiting at once, and then as mine", async () => {
    const visit = await visitor();
    await visit.open(address, await newEvent());
    const { letGo } = await holdRequest(visit);
    await visit.seat("B3", "free").click();
    await visit.seat("B3", "pending").waitFor();
    expect(await visit.count("pending")).toBe("1");
    letGo();
    await visit.seat("B3", "mine").waitFor();
    await visit.notice("B3 is yours.").waitFor();
    expect(await visit.seat("B3").getAttribute("aria-label")).toBe("Row B, seat 3: yours");
    expect(await visit.seat("B3").getAttribute("aria-selected")).toBe("true");
    expect(await visit.page.locator("#requests li").allTextContents()).toEqual(["B3yours"]);
    expect(await visit.count("mine")).toBe("1");
    expect(await visit.count("free")).toBe("59");

    // It is still mine when the page is opened again.
    await visit.page.reload();
    await visit.seat("B3", "mine").waitFor();
  });

  it("says and shows why a seat was refused that somebody else had first", async () => {
    const visit = await visitor();
    const event = await newEvent();
    await visit.open(address, event);
    const { letGo } = await holdRequest(visit);
    await visit.seat("C5", "free").click();
    await sellToAnother(event, "C5");
    letGo();
    await visit.seat("C5", "refused").waitFor();
    await visit.notice("C5 was refused: the seat was taken by then.").waitFor();
    expect(await visit.page.getByRole("status").getAttribute("id")).toBe("notice");
    expect(await visit.page.locator("#requests li").allTextContents()).toEqual([
      "C5refused: the seat was taken by then",
    ]);
    expect(await visit.seat("C5").getAttribute("aria-label")).toContain("refused");
    expect(await visit.count("taken")).toBe("1");
  });

  it("says what the server said when it takes no request, and shows the seat as it was", async () => {
    const visit = await visitor();
    await visit.open(address, await newEvent());
    await visit.page.route("**/reservations", (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        body: JSON.stringify({
          status: 503,
          title: "Away",
          detail: "the database is away for now",
        }),
      }),
    );
    await visit.seat("A1").click();
    await visit.notice("A1 could not be asked for: the database is away for now.").waitFor();
    await visit.seat("A1", "free").waitFor();
    expect(visit.complaints.splice(0)).toEqual([expect.stringContaining("503")]);
  });

  it("says so when an answer is none of the server's, and goes on", async () => {
    const visit = await visitor();
    const event = await newEvent();
    const signIn = { contentType: "text/html", body: "<h1>Sign in to the network</h1>" };
    await visit.page.route("**/events", (route) => route.fulfill(signIn), { times: 1 });
    await visit.page.goto(`${address}/?event=${event}`);
    await visit.notice("The events could not be loaded").waitFor();
    await visit.connection("live").waitFor();
    await visit.page.route("**/reservations", (route) => route.fulfill(signIn), { times: 1 });
    await visit.seat("A1").click();
    await visit
      .notice("A1 could not be asked for: the server answered what cannot be read.")
      .waitFor();
    await visit.seat("A1", "free").click();
    await visit.seat("A1", "mine").waitFor();
  });

  it("sells to the keyboard alone", async () => {
    const visit = await visitor();
    await visit.open(address, await newEvent());
    const { keyboard } = visit.page;
    const focused = visit.page.locator(":focus");
    /** To the grid, which is one stop of many. */
    await vi.waitFor(async () => {
      await keyboard.press("Tab");
      expect(await focused.getAttribute("role")).toBe("gridcell");
    }, aWhile);
    const at: (string | null)[] = [];
    const keys = ["Home", "ArrowUp", "ArrowDown", "End", "ArrowRight", "ArrowLeft"];
    for (const key of [...keys, "Control+End", "Control+Home", "PageDown", "ArrowRight"]) {
      await keyboard.press(key);
      at.push(await focused.getAttribute("data-seat"));
    }
    expect(at.join(" ")).toBe("A1 A1 B1 B12 B12 B11 E12 A1 E1 E2");
    expect(await visit.page.locator("#caption").textContent()).toBe("Row E, seat 2: free");
    // Seen by those who see: the outline.
    expect(await focused.evaluate((cell) => getComputedStyle(cell).outlineStyle)).toBe("solid");
    await keyboard.press("Enter");
    await visit.seat("E2", "mine").waitFor();
    await keyboard.press("ArrowRight");
    await keyboard.press("Space");
    await visit.seat("E3", "mine").waitFor();
    expect(await focused.getAttribute("aria-label")).toBe("Row E, seat 3: yours");
    // The whole grid is one stop.
    await keyboard.press("Shift+Tab");
    expect(await focused.getAttribute("role")).not.toBe("gridcell");
    await keyboard.press("Tab");
    expect(await focused.getAttribute("data-seat")).toBe("E3");
  });

  it("shows others at once whose seat it is not any more", async () => {
    const event = await newEvent();
    const [one, other] = [await visitor(), await visitor()];
    await Promise.all([one.open(address, event), other.open(address, event)]);
    await one.seat("D7").click();
    await other.seat("D7", "taken").waitFor();
    await one.seat("D7", "mine").waitFor();
    expect(await other.count("taken")).toBe("1");
    // Both at once: one of them gets it.
    await Promise.all([one.seat("D8").click(), other.seat("D8").click()]);
    await Promise.all(
      [one, other].map((visit) => visit.seat("D8").and(visit.page.locator(decided)).waitFor()),
    );
    const states = [one, other].map((visit) => visit.seat("D8").getAttribute("data-state"));
    expect(new Set(await Promise.all(states))).toEqual(new Set(["mine", "refused"]));
  });

  it("says that the connection is lost, and shows what was missed once it is back", async () => {
    await using proxy = await FrailProxy.open(address);
    const visit = await visitor();
    const event = await newEvent();
    await visit.open(proxy.address, event);
    await visit.seat("A1").click();
    await visit.seat("A1", "mine").waitFor();
    visit.mayLoseConnections = true;
    proxy.cut();
    await visit.connection("lost").waitFor();
    await visit.notice(/connection is lost/).waitFor();
    await visit.seat("A2").click();
    await visit.notice("A2 could not be asked for: the server cannot be reached.").waitFor();
    await sellToAnother(event, "A3");
    expect(await visit.seat("A3").getAttribute("data-state")).toBe("free");
    proxy.mend();
    await visit.seat("A3", "taken").waitFor();
    await visit.connection("live").waitFor();
    await visit.notice(/up to date/).waitFor();
    expect(await visit.seat("A1").getAttribute("data-state")).toBe("mine");
    expect(await visit.seat("A2").getAttribute("data-state")).toBe("free");
  });

  it("notices a connection over which nothing comes any more", async () => {
    await using proxy = await FrailProxy.open(address);
    const visit = await visitor();
    const event = await newEvent();
    await visit.page.clock.install();
    await visit.open(proxy.address, event);
    proxy.silence();
    await sellToAnother(event, "A3");
    await visit.page.clock.fastForward(30_000);
    await visit.connection("live").waitFor();
    await visit.page.clock.fastForward(15_000);
    await visit.connection("lost").waitFor();
    visit.mayLoseConnections = true;
    // It tries the other connections that it has kept first: they are silent too.
    await vi.waitFor(async () => {
      await visit.page.clock.fastForward(10_000);
      expect(await visit.seat("A3").getAttribute("data-state")).toBe("taken");
    }, aWhile);
    await visit.connection("live").waitFor();
  });

  it("sells out in a rush, and says so in a few words", async () => {
    const visit = await visitor();
    const { page } = visit;
    await visit.open(address, await newEvent(100, 20));
    await visit.seat("A1").click();
    await visit.seat("A1", "mine").waitFor();
    await page.evaluate(listenToNews);
    const start = page.getByRole("button", { name: "Send 1,000 buyers" });
    await start.dblclick();
    await page.locator('#rush-start[aria-disabled="true"]').waitFor();
    await visit.notice(/The rush is over\. All 1,000 have asked\. 1,000 decided/).waitFor(aRush);
    await page.getByText("99 got a seat, 901 were refused").first().waitFor();
    expect(await page.locator('[data-seat][data-state="taken"]').count()).toBe(99);
    expect(await page.locator('[data-seat][data-state="mine"]').count()).toBe(1);
    expect(await visit.count("free")).toBe("0");
    await page.getByText("Sold out", { exact: true }).waitFor();
    expect(await start.getAttribute("aria-disabled")).toBe("true");
    // The start, three quarters, the end.
    const news = await page.evaluate(() => (globalThis as unknown as { news: string[] }).news);
    expect(news.length).toBeLessThanOrEqual(5);
    expect(news.join(" ")).not.toContain("another window");
  }, 180_000);

  it("takes a rush's time from what it hears, not from when it is looked at", async () => {
    const visit = await visitor();
    const { page } = visit;
    await page.addInitScript(countAnswers);
    await page.clock.install();
    await visit.open(address, await newEvent(100, 20));
    // No frames any more, as in a tab that nobody looks at; and no time for the page to measure.
    await page.clock.pauseAt(Date.now() + 10_000);
    await page.getByRole("button", { name: "Send 1,000 buyers" }).click();
    const counts = (): Promise<unknown> =>
      page.evaluate(() => (globalThis as unknown as { counts: unknown }).counts);
    // One answer more: that of the events.
    await vi.waitFor(
      async () => {
        expect(await counts()).toEqual({ heard: 1_000, answered: 1_001 });
      },
      { ...aRush, interval: 50 },
    );
    await page.clock.fastForward(20_000);
    await page.clock.resume();
    // As quick as that: no rate can be told.
    await page.getByText("All 1,000 have asked. 1,000 decided: 100 got a seat").waitFor();
  }, 180_000);

  it("sends a rush also where tabs know nothing of one another", async () => {
    const visit = await visitor();
    await visit.page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "locks"));
    await visit.open(address, await newEvent());
    const start = visit.page.getByRole("button", { name: "Send 1,000 buyers" });
    for (let times = 1; times <= 2; times += 1) {
      await start.click();
      await visit.page.getByRole("button", { name: "Stop" }).click();
      await visit.notice(/^The rush is over\. \d+ of 1,000 have asked\./).waitFor();
    }
  });

  it("stops a rush, and can begin another", async () => {
    const visit = await visitor();
    await visit.open(address, await newEvent());
    const start = visit.page.getByRole("button", { name: "Send 1,000 buyers" });
    const stop = visit.page.getByRole("button", { name: "Stop" });
    await start.focus();
    await visit.page.keyboard.press("Enter");
    await stop.focus();
    await visit.page.keyboard.press("Enter");
    await visit.notice(/^The rush is over\. \d+ of 1,000 have asked\./).waitFor();
    await stop.waitFor({ state: "hidden" });
    // The focus is not lost with the button.
    expect(await visit.page.locator(":focus").getAttribute("id")).toBe("rush-start");
    expect(await start.getAttribute("aria-disabled")).toBe("false");
  });

  it.each(["light", "dark"] as const)("has nothing that axe finds, %s", async (colorScheme) => {
    await using proxy = await FrailProxy.open(address);
    const visit = await visitor({ colorScheme, withAxe: true });
    const event = await newEvent();
    await visit.open(proxy.address, event);
    expect(await visit.violations()).toEqual([]);
    await sellToAnother(event, "A1");
    await visit.seat("A1", "taken").click();
    await visit.seat("A1", "refused").waitFor();
    await visit.seat("A2").click();
    await visit.seat("A2", "mine").waitFor();
    await holdRequest(visit);
    await visit.seat("A3").click();
    await visit.seat("A3", "pending").waitFor();
    expect(await visit.violations()).toEqual([]);
    visit.mayLoseConnections = true;
    proxy.cut();
    await visit.connection("lost").waitFor();
    expect(await visit.violations()).toEqual([]);
  });

  it("fits a phone: no wider than it, with seats as large as a finger", async () => {
    const viewport = { width: 360, height: 740 };
    const visit = await visitor({ viewport, hasTouch: true, isMobile: true, withAxe: true });
    const { page } = visit;
    await visit.open(address, await newEvent(100, 25));
    const width = (): Promise<number> =>
      page.locator("html").evaluate((html: { scrollWidth: number }) => html.scrollWidth);
    expect(await width()).toBe(360);
    const box = await visit.seat("A13").boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(24);
    expect(await visit.violations()).toEqual([]);

    await page.getByRole("button", { name: "Whole hall" }).tap();
    for (const corner of ["A1", "A25", "D1", "D25"]) {
      const seen = await visit.seat(corner).boundingBox();
      expect(seen?.x).toBeGreaterThanOrEqual(0);
      expect((seen?.x ?? 0) + (seen?.width ?? 0)).toBeLessThanOrEqual(360);
    }
    expect(await width()).toBe(360);
    // Too small to be hit: the touch leads to it, the next one asks for it.
    await visit.seat("D25").tap();
    expect(await visit.count("pending")).toBe("0");
    await visit.notice("Zoomed in: choose again.").waitFor();
    expect(await page.locator(":focus").getAttribute("data-seat")).toBe("D25");
    await visit.seat("D25", "free").tap();
    await visit.seat("D25", "mine").waitFor();
    expect(await width()).toBe(360);
    // A screen reader's touch has no place: it is for what is being read.
    await page.getByRole("button", { name: "Whole hall" }).tap();
    await visit.seat("D24").dispatchEvent("click");
    await visit.seat("D24", "mine").waitFor();
  });

  it("says so when there is no such event, and what is needed without JavaScript", async () => {
    const lost = await visitor({ withAxe: true });
    await lost.page.goto(`${address}/?event=nowhere`);
    await lost.page.getByRole("heading", { name: "There is no such event" }).waitFor();
    expect(await lost.violations()).toEqual([]);
    const plain = await visitor({ javaScriptEnabled: false });
    await plain.page.goto(address);
    await plain.page.locator("noscript p").waitFor();
    expect(await plain.page.locator("button").filter({ visible: true }).count()).toBe(0);
  });

  it("is served with nothing but itself allowed, and is asked for only when it has changed", async () => {
    const first = await fetch(address);
    expect(first.headers.get("content-security-policy")).toMatch(/^default-src 'none';/);
    expect(first.headers.get("content-security-policy")).not.toContain("unsafe");
    for (const path of ["/", "/main.js", "/style.css", "/icon.svg"]) {
      const { statusCode, headers, body } = await request(`${address}${path}`);
      await body.dump();
      expect(statusCode).toBe(200);
      expect(headers["cache-control"]).toBe("no-cache");
      const known = { "if-none-match": String(headers["etag"]) };
      const again = await request(`${address}${path}`, { headers: known });
      await again.body.dump();
      expect(again.statusCode).toBe(304);
    }
  });
});

/** For what is looked at again and again. */
const aWhile = { timeout: 20_000, interval: 20 };
/** For a thousand buyers: half a minute where browser, server, worker and Postgres share two slow cores. */
const aRush = { timeout: 120_000 };

/** A seat about which the answer is there. */
const decided = '[data-state="mine"], [data-state="refused"]';

/** Runs in the browser: counts the decisions that the page hears of, and the answers that it has read. */
function countAnswers(): void {
  const counts = { heard: 0, answered: 0 };
  Object.defineProperty(globalThis, "counts", { value: counts });
  const { text } = Response.prototype;
  Response.prototype.text = async function counted(this: Response): Promise<string> {
    const answer = await text.call(this);
    counts.answered += 1;
    return answer;
  };
  const { EventSource } = globalThis;
  globalThis.EventSource = class extends EventSource {
    constructor(url: string | URL) {
      super(url);
      this.addEventListener("changes", ({ data }: MessageEvent<string>) => {
        const { reservations }: { reservations: readonly unknown[] } = JSON.parse(data);
        counts.heard += reservations.length;
      });
    }
  };
}

/** Runs in the browser: keeps what the line of news says. */
function listenToNews(): void {
  const news: string[] = [];
  Object.assign(globalThis, { news });
  const root = document.getElementById("notice");
  if (root === null) throw new Error("there is no line of news");
  new MutationObserver(() => news.push(root.textContent ?? "")).observe(root, { childList: true });
}
