/** What the tests of programs need. It holds no code. */
export { programsIn } from "./named-programs.ts";
export type { NamedPrograms } from "./named-programs.ts";
export { Output } from "./output.ts";
export { expectOneLine, startNpm, startProgram } from "./running-program.ts";
export type { Ended, RunningProgram } from "./running-program.ts";
export { useTemporaryDirectory } from "./temporary-directory.ts";
