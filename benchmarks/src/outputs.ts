/**
 * Owns the places that results are written to: that they can be is found out before anything is measured. It never
 * leaves anything there by finding out, but the folders.
 */
import { mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError } from "programs";

/** @throws UsageError when the file cannot be written. */
export async function requireWritableFile(file: string, option: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    if (!(await isCreated(file))) await (await open(file, "a")).close();
  } catch (error) {
    throw unwritable(option, error);
  }
}

/** @throws UsageError when no file can be made in it. */
export async function requireWritableFolder(folder: string, option: string): Promise<void> {
  await requireWritableFile(join(folder, `.millrace-bench-${process.pid}`), option);
}

/** Makes the file, to see that it can be, and takes it away again; false when it is there already. */
async function isCreated(file: string): Promise<boolean> {
  try {
    await (await open(file, "ax")).close();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  await rm(file);
  return true;
}

function unwritable(option: string, error: unknown): UsageError {
  const why = error instanceof Error ? error.message : String(error);
  return new UsageError(`${option} cannot be written: ${why}`, { cause: error });
}
