/** Owns the ticket office's programs as tests run them, and those of the quickstart that go with them. */
import { programsIn } from "programs/testing";

export type ProgramName = "main" | "web" | "worker" | "rush";

export const { start, run } = programsIn<ProgramName>(new URL("../dist/", import.meta.url));

export const quickstart = programsIn<"local" | "sender">(
  new URL("../../quickstart/dist/", import.meta.url),
);
