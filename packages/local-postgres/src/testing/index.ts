/** What tests need of Postgres: one server for a run, a database for each test file. */
export { type TestPostgres, type TestPostgresOptions, serveTestPostgres } from "./test-postgres.ts";
export {
  LeakedConnectionsError,
  type TemplateClient,
  type TestDatabase,
  type TestDatabases,
  type TestDatabasesOptions,
  createTestDatabases,
} from "./test-databases.ts";
