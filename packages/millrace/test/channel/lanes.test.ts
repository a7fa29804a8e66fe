/**
 * Lanes against a model of them that is slow and plain: one list of values for each key.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Lanes } from "../../src/channel/lanes.ts";

const keys = ["a", "b", "c"] as const;

/** Every lane as a list; its first value has its turn. */
type Model = Map<string, number[]>;
type Real = Lanes<string, number>;

function agree(model: Model, real: Real): void {
  expect(real.size).toBe(model.size);
  for (const key of keys) expect(real.first(key)).toBe(model.get(key)?.[1]);
}

let serial = 0;

/** One method, called with a key, and what the model says of it. */
class Call implements fc.Command<Model, Real> {
  readonly key: string;
  readonly #name: string;
  readonly #may: (lane: readonly number[]) => boolean;
  readonly #run: (lane: number[], real: Real) => number[];

  constructor(
    key: string,
    name: string,
    run: (lane: number[], real: Real) => number[],
    may: (lane: readonly number[]) => boolean = () => true,
  ) {
    this.key = key;
    this.#name = name;
    this.#run = run;
    this.#may = may;
  }

  check(model: Readonly<Model>): boolean {
    return this.#may(model.get(this.key) ?? []);
  }

  run(model: Model, real: Real): void {
    const lane = this.#run(model.get(this.key) ?? [], real);
    if (lane.length > 0) model.set(this.key, lane);
    else model.delete(this.key);
    agree(model, real);
  }

  toString(): string {
    return `${this.#name}(${this.key})`;
  }
}

const enter = (key: string): Call =>
  new Call(key, "enter", (lane, real) => {
    const value = serial++;
    expect(real.enter(key, value)).toBe(lane.length === 0);
    return [...lane, value];
  });

/** The first that waits shares the turn: in the model it has never stood in the lane. */
const join = (key: string): Call =>
  new Call(key, "join", ([first, next, ...rest], real) => {
    expect(real.join(key)).toBe(next);
    return first === undefined ? [] : [first, ...rest];
  });

const leave = (key: string): Call =>
  new Call(
    key,
    "leave",
    ([, ...rest], real) => {
      expect(real.leave(key)).toBe(rest[0]);
      return rest;
    },
    (lane) => lane.length > 0,
  );

const takeWaiting = (key: string): Call =>
  new Call(key, "takeWaiting", ([first, ...rest], real) => {
    expect(real.takeWaiting(key)).toEqual(rest);
    return first === undefined ? [] : [first];
  });

it("does as the model does", () => {
  const key = fc.constantFrom(...keys);
  const commands = fc.commands(
    [key.map(enter), key.map(join), key.map(leave), key.map(takeWaiting)],
    { maxCommands: 200 },
  );
  fc.assert(
    fc.property(commands, (each) =>
      fc.modelRun(() => ({ model: new Map(), real: new Lanes<string, number>() }), each),
    ),
    { seed: 1, numRuns: 300 },
  );
});

it("keeps nothing of a million keys that came and went", () => {
  const lanes = new Lanes<number, number>();
  for (let key = 0; key < 1_000_000; key += 1) {
    lanes.enter(key, key);
    if (key % 2 === 0) lanes.enter(key, key);
    lanes.leave(key);
    if (key % 2 === 0) lanes.leave(key);
  }
  expect(lanes.size).toBe(0);
});
