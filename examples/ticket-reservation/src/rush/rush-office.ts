/**
 * Owns the ticket office of a rush: servers of its own, and the processes that are to be put to the test. It never
 * disturbs them.
 */
import { startLocalPostgres } from "@millrace/local-postgres";
import type { LocalSqs } from "@millrace/local-sqs";
import { ChildProgram, localQueueVariables, RunFailedError, startLocalQueue } from "programs";
import type { Pool } from "pg";
import { Crew } from "../crew.ts";
import { createEvent } from "../office/events.ts";
import { dropConstraints } from "../office/tables.ts";
import { openOfficeDatabase } from "../office-database.ts";
import { drainSeconds } from "../patience.ts";
import type { RushPlan } from "./rush-plan.ts";

export const rushEvent = { id: "rush", name: "The rush", seatsPerRow: 25 } as const;

export interface RushOffice {
  readonly sqs: LocalSqs;
  readonly queue: string;
  readonly pool: Pool;
  readonly web: Crew;
  readonly staff: Crew;
  /** Of the web server. */
  readonly address: string;
  /** Aborts with a RunFailedError when a process ended that nobody had asked to. */
  readonly broken: AbortSignal;
}

/** Has `use` work with an office that is open, and closes it, whatever happens. */
export async function withRushOffice<T>(
  plan: RushPlan,
  signal: AbortSignal,
  use: (office: RushOffice) => Promise<T>,
): Promise<T> {
  await using sqs = await startLocalQueue({ port: 0, duplicateRate: plan.duplicateShare });
  await using postgres = await startLocalPostgres({ durable: false, signal });
  await using pool = await openOfficeDatabase(postgres.url, {
    max: 4,
    applicationName: "tickets rush",
  });
  await dropConstraints(pool);
  await createEvent(pool, { ...rushEvent, seats: plan.seats });

  const env = localQueueVariables(sqs.endpoint);
  const broken = new AbortController();
  const breaks = {
    onDeath: (_: number, how: string) =>
      broken.abort(new RunFailedError(`a process ended by itself: ${how}`)),
    onGivenUp: (error: Error) =>
      broken.abort(new RunFailedError(`a process did not start: ${error.message}`)),
  };
  const launch = (name: string, ...args: readonly string[]): ChildProgram =>
    new ChildProgram({
      file: new URL(`../${name}.js`, import.meta.url),
      args,
      env: { ...env, DATABASE_URL: postgres.url },
      quiet: true,
    });
  await using web = new Crew({ ...breaks, size: 1, launch: () => launch("web", "--port", "0") });
  await using staff = new Crew({
    ...breaks,
    size: plan.workers,
    launch: (place) => launch("worker", ...workerArguments(plan, place)),
  });
  const [served] = await web.ready(signal);
  await staff.ready(signal);
  const address = served?.address ?? "";
  const queue = env.QUEUE_URL;
  return await use({ sqs, queue, pool, web, staff, address, broken: broken.signal });
}

function workerArguments(plan: RushPlan, place: number): string[] {
  const { concurrency, visibilitySeconds, unguarded } = plan;
  const args = ["--name", `worker ${place}`, "--concurrency", `${concurrency}`];
  args.push("--visibility", `${visibilitySeconds}`, "--drain", `${drainSeconds}`);
  if (unguarded) args.push("--unguarded");
  return args;
}
