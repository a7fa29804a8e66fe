import { expect, it } from "vitest";
import { complaintAbout, RunFailedError, UsageError } from "../src/failure.ts";

/** Something that fails at its work, and then at being put away. */
function fragile(first: Error) {
  return {
    work: (): Promise<never> => Promise.reject(first),
    [Symbol.asyncDispose]: () => Promise.reject(new RunFailedError("it cannot be put away")),
  };
}

/** What a program fails with that had two of them. */
async function failing(first: Error): Promise<unknown> {
  try {
    await using outer = fragile(first);
    await using inner = fragile(first);
    return await Promise.all([outer.work(), inner.work()]);
  } catch (error) {
    return error;
  }
}

it("says what failed first, not what failed on the way out because of it", async () => {
  const complaint = complaintAbout(await failing(new Error("the endpoint is gone")));
  expect(complaint).toEqual({ text: "the endpoint is gone", exitCode: 1 });
});

it("knows a misuse by it too", async () => {
  const complaint = complaintAbout(await failing(new UsageError("no such file")));
  expect(complaint).toEqual({ text: "no such file", exitCode: 2 });
});
