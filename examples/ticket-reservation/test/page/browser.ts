/**
 * Owns the browser of the page's tests, and the pages that they look at. It never looks at them itself.
 */
import { existsSync } from "node:fs";
import axe from "axe-core";
import { chromium } from "playwright-core";
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Whether there is one; when there is none, that is said loudly. */
export const hasBrowser: boolean = existsSync(executablePath);
if (!hasBrowser) {
  process.stderr.write(
    `\n!!! The page is NOT tested: there is no browser at ${executablePath}.\n` +
      "!!! apt-get install chromium, or name one by the environment variable CHROMIUM.\n\n",
  );
}

/** Which of axe's rules: those of WCAG 2.2 AA, and its best practices. */
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** The page of one visitor. */
export class Visit {
  readonly page: Page;
  /** What the browser complained of. */
  readonly complaints: string[] = [];
  /** Whether connections may break: the browser tells of each. */
  mayLoseConnections = false;

  constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      if (this.mayLoseConnections && message.text().includes("net::ERR_")) return;
      this.complaints.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", ({ stack = "" }) => this.complaints.push(stack));
  }

  /** Opens the page, and resolves when it shows the seats as they are. */
  async open(address: string, event: string): Promise<void> {
    await this.page.goto(`${address}/?event=${event}`);
    await this.connection("live").waitFor();
  }

  connection(state: "live" | "lost"): Locator {
    return this.page.locator(`#connection[data-state="${state}"]`);
  }

  /** A seat; only while it is in the state, if one is named. */
  seat(name: string, state?: string): Locator {
    const wanted = state === undefined ? "" : `[data-state="${state}"]`;
    return this.page.locator(`[data-seat="${name}"]${wanted}`);
  }

  /** The line of news, once it says so. */
  notice(text: string | RegExp): Locator {
    return this.page.getByRole("status").filter({ hasText: text });
  }

  count(name: "free" | "taken" | "mine" | "pending"): Promise<string | null> {
    return this.page.locator(`#count-${name}`).textContent();
  }

  /** What axe finds, in a line each; for a visitor who was made with it. */
  async violations(): Promise<string[]> {
    const { violations } = await this.page.evaluate(
      async (values) =>
        (globalThis as unknown as { axe: typeof axe }).axe.run({
          runOnly: { type: "tag", values },
        }),
      tags,
    );
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary = "" }) => `${id} ${String(target)}: ${failureSummary}`),
    );
  }
}

export interface VisitorOptions extends BrowserContextOptions {
  /** Default: false, since it is much to load. */
  readonly withAxe?: boolean;
}

/**
 * Starts the browser before the tests of the calling file, and ends it after them. Each test must leave without a
 * complaint of the browser.
 *
 * @returns what makes a new visitor, whom nobody knows.
 */
export function useBrowser(): (options?: VisitorOptions) => Promise<Visit> {
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  const visits: Visit[] = [];
  beforeAll(async () => {
    // Its sandbox does not work for root.
    const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    browser = await chromium.launch({ executablePath, args });
  }, 60_000);
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    expect(visits.splice(0).flatMap(({ complaints }) => complaints)).toEqual([]);
  });
  return async ({ withAxe = false, ...options } = {}) => {
    const context = await browser.newContext({ reducedMotion: "reduce", ...options });
    contexts.push(context);
    // So the page's Content-Security-Policy can stay as it is.
    if (withAxe) await context.addInitScript(axe.source);
    const visit = new Visit(await context.newPage());
    visits.push(visit);
    return visit;
  };
}
