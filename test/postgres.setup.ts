/** Owns the Postgres of a test run: started when the first test asks for it, or that of DATABASE_URL. */
import { serveTestPostgres } from "@millrace/local-postgres/testing";
import type { TestProject } from "vitest/node";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await serveTestPostgres();
  project.provide("testPostgres", postgres.address);
  return () => postgres.stop();
}
