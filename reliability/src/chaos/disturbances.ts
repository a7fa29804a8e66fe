/**
 * Owns what happens to the processes of a soak while its messages are under way, and when. It never touches the
 * network; that is the proxy's.
 */
import { sleep, systemClock } from "millrace";
import type { Random } from "millrace";
import type { ConsumerFleet } from "./consumer-fleet.ts";
import type { RestartablePostgres } from "./restartable-postgres.ts";
import type { SoakPlan } from "./soak-plan.ts";

/** How long Postgres stays down, at most. */
const maxDownMs = 1_000;

/** Kills a consumer, and now and then stops it as a deployment does, until the signal aborts. */
export async function keepKilling(
  fleet: ConsumerFleet,
  { killEveryMs, retireEvery }: SoakPlan,
  random: Random,
  until: AbortSignal,
): Promise<void> {
  for (let end = 1; ; end += 1) {
    const pauseMs = killEveryMs * (0.5 + random());
    await sleep(systemClock, pauseMs, until).catch(() => {});
    if (until.aborted) return;
    if (end % retireEvery === 0) await fleet.replaceVictim();
    else await fleet.killVictim();
  }
}

/** Restarts Postgres, evenly over the time of chaos. */
export async function keepRestarting(
  postgres: RestartablePostgres,
  { chaosMs, postgresRestarts }: SoakPlan,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  for (let restart = 1; restart <= postgresRestarts; restart += 1) {
    const dueMs = startedMs + (chaosMs * restart) / (postgresRestarts + 1);
    await sleep(systemClock, dueMs - systemClock.monotonicMs(), signal);
    await postgres.restart(maxDownMs * random(), signal);
  }
}
