/** Owns how test files come by a database of their own. It never starts a Postgres; postgres.setup.ts does. */
import {
  type TestDatabases,
  type TestDatabasesOptions,
  createTestDatabases,
} from "@millrace/local-postgres/testing";
import { afterAll, beforeAll, inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the Postgres of this run is to be had. */
    testPostgres: string;
  }
}

/** Databases on the Postgres of this run, each a copy of the template. Close them in the end. */
export function testDatabases(options?: TestDatabasesOptions): TestDatabases {
  return createTestDatabases(inject("testPostgres"), options);
}

/**
 * A database for the tests of the calling file (or `describe`), made before the first of them, dropped
 * after the last; connections that they left open fail the file.
 *
 * @returns its URL, to be asked for in tests and hooks.
 */
export function useTestDatabase(template?: TestDatabasesOptions["template"]): () => string {
  const databases = testDatabases({ template });
  let url: string | undefined;
  beforeAll(async () => {
    url = (await databases.open()).url;
  }, 60_000);
  afterAll(() => databases.close(), 60_000);
  return () => {
    if (url === undefined) throw new Error("the test database is there once the tests run");
    return url;
  };
}
