import { expect, it } from "vitest";
import { complaintAbout, RunFailedError, UsageError } from "../src/failure.ts";

/** Something whose putting away fails. */
function fragile(name: string): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: () => Promise.reject(new RunFailedError(`${name} is not put away`)),
  };
}

/** What a program fails with whose two helpers cannot be put away after it. */
async function failing(first: Error): Promise<unknown> {
  try {
    await using _outer = fragile("outer");
    await using _inner = fragile("inner");
    throw first;
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
