/**
 * Owns what a handler gets of a transaction's client: all of it, but not its end, and not beyond the handler's
 * own. It never begins or ends a transaction itself.
 */
import type { PoolClient } from "pg";
import { TransactionEndedError } from "./errors.ts";
import { firstWords } from "./first-words.ts";

/**
 * Lends the client to `use`, which is a handler's run.
 *
 * What a handler still asks of it afterwards rejects with TransactionEndedError: the client has gone on to another
 * message by then, or to nobody, and the statement would be committed with that one's or by itself. It happens
 * where steps run side by side, with Promise.all, and one of them throws while the others go on.
 *
 * BEGIN, COMMIT and ROLLBACK are refused before they reach Postgres, as a query builder's own transaction brings
 * them; savepoints pass. `release` does nothing, so that builders which release what they were given do no harm.
 */
export async function lendTo<T>(
  client: PoolClient,
  use: (tx: PoolClient) => T,
): Promise<Awaited<T>> {
  const ask = client.query.bind(client);
  let refusal: (() => TransactionEndedError) | undefined;
  const query = (...args: readonly unknown[]): unknown => {
    if (transactionStatus(client) === "I") refusal ??= saidByHandler;
    const refuse = endsTransaction(args[0]) ? saidByHandler : refusal;
    return refuse === undefined ? Reflect.apply(ask, undefined, args) : fail(args, refuse());
  };
  const tx = new Proxy(client, {
    get: (target, name) => {
      if (name === "query") return query;
      if (name === "release") return ignore;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function" || name === "constructor") return value;
      return (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
    },
  });
  try {
    return await use(tx);
  } finally {
    refusal = tooLate;
  }
}

/** I: none, T: in one, E: in one that has failed. Undefined where `pg` is too old to say. */
function transactionStatus(client: PoolClient): string | null | undefined {
  return "getTransactionStatus" in client ? client.getTransactionStatus() : undefined;
}

const saidByHandler = (): TransactionEndedError =>
  new TransactionEndedError("BEGIN, COMMIT and ROLLBACK are the inbox's to say, not the handler's");

const tooLate = (): TransactionEndedError =>
  new TransactionEndedError(
    "the handler has ended, and its transaction with it: await every query",
  );

const transactional: ReadonlySet<string> = new Set(["begin", "commit", "end", "abort"]);

/** ROLLBACK TO is a savepoint's. */
function endsTransaction(query: unknown): boolean {
  const text: unknown =
    typeof query === "object" && query !== null && "text" in query ? query.text : query;
  if (typeof text !== "string") return false;
  const [first = "", second = "", third] = firstWords(text);
  if (first === "start" || first === "prepare") return second === "transaction";
  if (first !== "rollback") return transactional.has(first);
  return (second === "work" || second === "transaction" ? third : second) !== "to";
}

/** In the way in which the query was to be answered; what answers by itself, as a cursor does, cannot begin. */
function fail(args: readonly unknown[], error: Error): unknown {
  const [query] = args;
  const callback = args.at(-1);
  if (typeof callback === "function") {
    process.nextTick(() => Reflect.apply(callback, undefined, [error]));
    return undefined;
  }
  if (typeof query === "object" && query !== null && "submit" in query) throw error;
  return Promise.reject(error);
}

function ignore(): void {}
