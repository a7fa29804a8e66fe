/**
 * Owns the buyers of a rush, in a process of their own: so many requests for seats over HTTP, so many at once. It
 * never looks at what becomes of them.
 */
import { systemClock } from "millrace";
import { seededRandom } from "millrace/testing";
import { commandLine, run, tellParent, wholeNumber } from "programs";
import { Pool } from "undici";
import { seatNames } from "./office/hall.ts";
import type { ReservationRequest } from "./office/reservation.ts";
import type { Bought } from "./rush/bought.ts";
import { wantedSeat } from "./rush/demand.ts";
import { percentilesOf } from "./rush/percentile.ts";

interface Options {
  readonly url: string;
  readonly event: string;
  readonly requests: number;
  readonly seats: number;
  readonly seatsPerRow: number;
  readonly atOnce: number;
  readonly seed: number;
}

const many = wholeNumber(1, 10_000_000);

const command = commandLine(
  "run tickets:rush, the buyers",
  "Asks for seats, as the rush has it do so.",
)
  .requiredOption("--url <url>", "the web server")
  .requiredOption("--event <id>", "the event")
  .requiredOption("--requests <n>", "how many ask", many)
  .requiredOption("--seats <n>", "seats of the event", many)
  .requiredOption("--seats-per-row <n>", "seats of a row", many)
  .requiredOption("--at-once <n>", "requests at once", many)
  .requiredOption("--seed <n>", "of who wants which seat", wholeNumber(0, 4_294_967_295));

await run(command, async ({ signal }) => {
  const options = command.opts<Options>();
  const { url, event, requests, atOnce, seed } = options;
  const random = seededRandom(seed);
  const seats = seatNames(options);
  const server = new Pool(url, { connections: atOnce, headersTimeout: 30_000 });
  const answersMs: number[] = [];
  let failed = 0;
  let failure: string | undefined;

  const ask = async (request: ReservationRequest): Promise<void> => {
    const startedMs = systemClock.monotonicMs();
    const { statusCode, body } = await server.request({
      method: "POST",
      path: "/reservations",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal,
    });
    const text = await body.text();
    if (statusCode !== 202) throw new Error(`${statusCode}: ${text}`);
    answersMs.push(systemClock.monotonicMs() - startedMs);
  };
  /** The next who asks. Counted up by all. */
  let next = 0;
  const buy = async (): Promise<void> => {
    while (next < requests) {
      const buyer = next++;
      const seat = seats[wantedSeat(buyer, options, random)] ?? "";
      try {
        await ask({ event, seat, customer: `buyer-${buyer}@example.org` });
      } catch (error) {
        signal.throwIfAborted();
        failed += 1;
        failure ??= String(error);
      }
    }
  };

  const startedMs = systemClock.monotonicMs();
  try {
    await Promise.all(Array.from({ length: atOnce }, buy));
  } finally {
    await server.destroy();
  }
  const news: Bought = {
    type: "bought",
    accepted: answersMs.length,
    failed,
    failure,
    durationMs: systemClock.monotonicMs() - startedMs,
    answerMs: percentilesOf(answersMs),
  };
  tellParent(news);
  return undefined;
});
