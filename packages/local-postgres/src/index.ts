/** Postgres 18 on your machine: what the package offers. */
export {
  startLocalPostgres,
  type LocalPostgres,
  type LocalPostgresOptions,
} from "./local-postgres.ts";
export {
  DirectoryInUseError,
  DirectoryUnusableError,
  LocalPostgresError,
  LocalPostgresOptionError,
  PortTakenError,
  StartFailedError,
  StopFailedError,
  UnsupportedPlatformError,
} from "./errors.ts";
