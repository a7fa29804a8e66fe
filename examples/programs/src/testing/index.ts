/** What the tests of programs need. It holds no code. */
export { Output } from "./output.ts";
export { expectOneLine, startNpm, startProgram } from "./running-program.ts";
export type { Ended, RunningProgram } from "./running-program.ts";
export { useTemporaryDirectory } from "./temporary-directory.ts";
