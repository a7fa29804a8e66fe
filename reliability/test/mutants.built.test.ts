/**
 * The mutants: each fault can still be planted, and the checker bites. All of them are hunted by
 * `npm run simulate:mutants`.
 */
import { describe, expect, it } from "vitest";
import { control, hunt } from "../src/mutants/hunt.ts";
import { mutate, StaleMutationError } from "../src/mutants/mutant.ts";
import { mutations } from "../src/mutants/mutations.ts";

describe("the list of mutations", () => {
  it.each(mutations)("can plant: $name", async (mutation) => {
    expect(await mutate(mutation)).toContain(mutation.replace);
  });

  it("names each once", () => {
    expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
  });

  it("is refused where its text does not stand exactly once", async () => {
    const stale = { ...control, find: "no such text" };
    await expect(mutate(stale)).rejects.toThrow(StaleMutationError);
    await expect(mutate({ ...control, find: "export" })).rejects.toThrow(/stands \d+ times/);
  });
});

describe("the checker", () => {
  it.each(["deletes before the handler has run", "ignores lanes", "polls on after stop"])(
    "finds the one that %s",
    async (name) => {
      const mutation = mutations.find((each) => each.name === name);
      if (mutation === undefined) throw new Error(`there is no mutation "${name}"`);
      const { found } = await hunt(mutation, 50);
      expect(found).toBeDefined();
    },
  );

  it("is not begun when the hunt is over before its copy is made", async () => {
    const signal = AbortSignal.abort(new Error("Ctrl-C"));
    await expect(hunt(control, 50, signal)).rejects.toThrow("Ctrl-C");
  });

  it("finds nothing in a copy without a fault", async () => {
    const { found } = await hunt(control, 50);
    expect(found).toBeUndefined();
  });
});
