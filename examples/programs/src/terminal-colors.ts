/**
 * Owns whether output is coloured: on a terminal, unless NO_COLOR or a dumb terminal says no. It never decides
 * which colour means what.
 */
import process from "node:process";
import type { WriteStream } from "node:tty";
import pc from "picocolors";

export type Colors = ReturnType<typeof pc.createColors>;

/** The colours for what is written to this output, by default standard output; off, they leave text as it is. */
export function terminalColors(
  output: Partial<Pick<WriteStream, "isTTY">> = process.stdout,
  { NO_COLOR = "", TERM }: NodeJS.ProcessEnv = process.env,
): Colors {
  // Not left to picocolors, which colours files too when the variable CI is set. A pipe's isTTY is undefined.
  return pc.createColors(output.isTTY === true && NO_COLOR === "" && TERM !== "dumb");
}
