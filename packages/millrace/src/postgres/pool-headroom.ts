/**
 * Owns the answer to how many more messages a pool of connections can serve now. It never takes a connection
 * from those who work, but for a moment, to see whether the database answers.
 */
import type { Pool } from "pg";
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type { Limit } from "../consumer/limit.ts";
import { OptionError, toError } from "../errors.ts";
import { checkOptionNames, requireClock, requireNumber } from "../option-checks.ts";
import { DatabaseUnavailableError } from "./errors.ts";
import { checkPool, withClient } from "./held-client.ts";

/** Options of {@link poolHeadroom}. */
export interface PoolHeadroomOptions {
  /**
   * How many may wait for a connection before polling is held off, 0 or more. Default 10: one poll's worth, so
   * that a pool that is busy and keeps up is no reason to poll less. With 0 a poll asks for no more than the
   * connections that are idle or can be made, which starves workers that are as many as those.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Whether the database may be one that takes no writes: a replica, which handlers read. Default false: then it
   * counts as one that does not answer, as the primary of yesterday does after a failover.
   */
  readonly readOnly?: boolean | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** How often it looks whether the database answers, while polls go on as while it does not. */
const checkEveryMs = 1_000;
/** Within what a consumer's limit has to answer, with room to spare. */
const answerWithinMs = 5_000;

/**
 * A limit for a consumer that works on the database of `pool`: the connections that are idle or can still be
 * made, plus `maxWaiting`, less those who wait for one. So a pool that others use up, or a slow database, slows
 * polling down.
 *
 * Once a second, if there is a connection to do so with, it looks whether the database answers, and takes writes. While
 * it does not, the limit rejects with what is wrong, which counts as 0 and makes the consumer's health degraded:
 * messages stay in the queue, and their receive counts are not used up by handlers that cannot succeed. As soon as it
 * answers again polling goes on.
 *
 * @throws OptionError for what cannot work. The limit rejects with DatabaseUnavailableError or StatementError.
 *
 * @example
 * new Consumer({ queue, handle: inbox(pool, handler), limits: [poolHeadroom(pool)] });
 */
export function poolHeadroom(pool: Pool, options: PoolHeadroomOptions = {}): Limit {
  checkPool(pool);
  checkOptionNames(options, new Set(["maxWaiting", "readOnly", "clock"]));
  const { maxWaiting = 10, readOnly = false, clock = systemClock } = options;
  requireNumber("maxWaiting", maxWaiting, { min: 0, max: Infinity });
  if (typeof readOnly !== "boolean") {
    throw new OptionError("readOnly", "true or false", readOnly);
  }
  requireClock(clock);
  let checkedMs = -Infinity;
  let fault: Error | undefined;
  /** One for all who ask meanwhile. */
  let check: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      await answers(pool, readOnly, clock);
      fault = undefined;
    } catch (error) {
      fault = toError(error);
    } finally {
      checkedMs = clock.monotonicMs();
      check = undefined;
    }
  };
  return async () => {
    const isOld = clock.monotonicMs() - checkedMs >= checkEveryMs;
    // With every connection in use there is none to look with; those who use them find out. What was found before
    // says nothing then: it would hold polling off for as long as others keep the pool busy.
    const canLook = free(pool) > 0;
    if (isOld && canLook) {
      check ??= look();
      await check;
    }
    if (fault !== undefined && (canLook || !isOld)) throw fault;
    return Math.max(0, free(pool) + maxWaiting - pool.waitingCount);
  };
}

/** Connections that are idle, or can still be made. */
function free(pool: Pool): number {
  return pool.idleCount + Math.max(0, pool.options.max - pool.totalCount);
}

/** Resolves when the database has answered, and takes writes if it is to. */
async function answers(pool: Pool, readOnly: boolean, clock: Clock): Promise<void> {
  const abort = new AbortController();
  const timer = clock.setTimer(() => {
    const message = `the database gave no answer within ${answerWithinMs} ms`;
    abort.abort(new DatabaseUnavailableError(message));
  }, answerWithinMs);
  try {
    await withClient(pool, abort.signal, async (held) => {
      const { rows } = await held.run("the database does not answer", "SHOW transaction_read_only");
      const [row]: { transaction_read_only?: string }[] = rows;
      if (readOnly || row?.transaction_read_only !== "on") return;
      // The next connection may lead to one that does.
      held.destroy();
      throw new DatabaseUnavailableError("the database takes no writes");
    });
  } finally {
    timer.cancel();
  }
}
