/**
 * How the programs of this repository start, speak and end: what they share, name by name. It holds no code.
 */
export { check } from "./check.ts";
export type { Check } from "./check.ts";
export { ChildFailedError, ChildProgram } from "./child-program.ts";
export type { ChildProgramOptions, Exit, ReadyNews } from "./child-program.ts";
export { databasePool, openDatabase } from "./database.ts";
export type { DatabasePool, DatabasePoolOptions } from "./database.ts";
export { drain } from "./drain.ts";
export { DatabaseUnusableError, RunFailedError, UsageError } from "./failure.ts";
export { InterruptedError } from "./interruption.ts";
export { Journal } from "./journal.ts";
export {
  deadLetterQueueName,
  localCredentials,
  localQueueVariables,
  localRegion,
  queueName,
  startLocalQueue,
} from "./local-queue.ts";
export { tellParent } from "./parent.ts";
export { printReport } from "./printed-report.ts";
export {
  awsVariables,
  commandLine,
  decimal,
  environmentHelp,
  required,
  run,
  wholeNumber,
} from "./program.ts";
export { formatBody, formatCount, formatDuration, formatNumber, Screen } from "./screen.ts";
export type { Surroundings } from "./program.ts";
export type { Tone } from "./screen.ts";
export { terminalColors } from "./terminal-colors.ts";
