/**
 * Lanes against a model of them that is slow and plain: one list of values for each key.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Lanes } from "../../src/channel/lanes.ts";

/** Every lane as a list; its first value has its turn. */
type Model = Map<string, number[]>;
type Real = Lanes<string, number>;

/** Values that wait, in the order of their lane; what has its turn is not among them. */
function waiting(model: Model): number {
  return [...model.values()].reduce((sum, lane) => sum + lane.length - 1, 0);
}

function agree(model: Model, real: Real): void {
  expect(real.size).toBe(model.size);
  expect(real.waiting).toBe(waiting(model));
}

let serial = 0;

class Enter implements fc.Command<Model, Real> {
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    const value = serial++;
    const lane = model.get(this.key) ?? [];
    model.set(this.key, [...lane, value]);
    expect(real.enter(this.key, value)).toBe(lane.length === 0);
    agree(model, real);
  }
  toString(): string {
    return `enter(${this.key})`;
  }
}

/** The first that waits shares the turn: in the model it has never stood in the lane. */
class Join implements fc.Command<Model, Real> {
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    const [first, next, ...rest] = model.get(this.key) ?? [];
    if (first !== undefined) model.set(this.key, [first, ...rest]);
    expect(real.join(this.key)).toBe(next);
    agree(model, real);
  }
  toString(): string {
    return `join(${this.key})`;
  }
}

class Leave implements fc.Command<Model, Real> {
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
  check(model: Readonly<Model>): boolean {
    return model.has(this.key);
  }
  run(model: Model, real: Real): void {
    const [, ...rest] = model.get(this.key) ?? [];
    if (rest.length > 0) model.set(this.key, rest);
    else model.delete(this.key);
    expect(real.leave(this.key)).toBe(rest[0]);
    agree(model, real);
  }
  toString(): string {
    return `leave(${this.key})`;
  }
}

class TakeWaiting implements fc.Command<Model, Real> {
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    const [first, ...rest] = model.get(this.key) ?? [];
    if (first !== undefined) model.set(this.key, [first]);
    expect(real.takeWaiting(this.key)).toEqual(rest);
    agree(model, real);
  }
  toString(): string {
    return `takeWaiting(${this.key})`;
  }
}

it("does as the model does", () => {
  const key = fc.constantFrom("a", "b", "c");
  const commands = fc.commands(
    [
      key.map((each) => new Enter(each)),
      key.map((each) => new Join(each)),
      key.map((each) => new Leave(each)),
      key.map((each) => new TakeWaiting(each)),
    ],
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
  expect(lanes.waiting).toBe(0);
});
